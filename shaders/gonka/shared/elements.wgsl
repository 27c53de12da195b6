// elements: the operands of linear and linear_wide, as shared/tiles.wgsl wants them: an element is one f32.

alias Raw = vec2<u32>;
alias Element = f32;
alias Quad = vec4<f32>;

fn elements(raw: Raw) -> Quad {
    return Quad(widen(raw.x), widen(raw.y));
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + x * w;
}
