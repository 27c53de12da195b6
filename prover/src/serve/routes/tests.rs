use super::{ADMIN, Guard, INFERENCE, MethodFilter, NODE, Route, Takes};
use serde_json::Value;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

fn routes() -> impl Iterator<Item = &'static Route> {
    NODE.iter().chain(&INFERENCE).chain(&ADMIN)
}

fn method(route: &Route) -> &'static str {
    if route.method == MethodFilter::GET { "get" } else { "post" }
}

#[test]
fn the_document_has_each_route_and_no_other() {
    let document = document();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
        })
        .collect();
    let served = routes().map(|route| (route.path.to_owned(), method(route).to_owned())).collect();
    assert_eq!(described, served);
}

#[test]
fn the_document_says_which_routes_take_a_body_and_which_are_refused_while_another_service_runs() {
    let document = document();
    for route in routes() {
        let described = &document["paths"][route.path][method(route)];
        assert_eq!(described["requestBody"].is_object(), route.takes == Takes::Json, "{}", route.path);
        assert_eq!(described["responses"]["409"].is_object(), route.service.is_some(), "{}", route.path);
        let is_open = route.guard == Guard::Open;
        assert_eq!(described["responses"]["401"].is_object(), !is_open, "{}", route.path);
        assert_eq!(described["security"].is_null(), is_open, "{}", route.path);
        let is_forbidden = route.guard == Guard::Operator || route.is_signed();
        assert_eq!(described["responses"]["403"].is_object(), is_forbidden, "{}", route.path);
        let parameters = described["parameters"].as_array();
        let is_signed = parameters
            .is_some_and(|all| all.iter().any(|one| one["$ref"] == "#/components/parameters/Signature"));
        assert_eq!(is_signed, route.is_signed(), "{}", route.path);
    }
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}
