//! A folder in which every command sees the one driver through a Vulkan layer (`tests/vulkan-layer`) that loses it, hangs
//! it, skips its work or leaves it no memory.

use super::Dir;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

const LAYER: &str = "VK_LAYER_SPHERE_POW_fault";
/// What others call the device: no software adapter, so that it is chosen and watched as a card is.
pub(crate) const CARD: &str = "Test Card 9000";

/// The folder.
pub(crate) struct Rig(pub(crate) Dir);

impl Rig {
    pub(crate) fn new() -> Self {
        Self::of(Dir::new())
    }

    pub(crate) fn of(dir: Dir) -> Self {
        let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let library: PathBuf = deps.join("libsphere_pow_vulkan_layer.so");
        assert!(library.exists(), "no {library:?}: cargo builds it beside the tests");
        let layer = json!({"name": LAYER, "type": "GLOBAL", "library_path": library, "api_version": "1.3.0",
            "implementation_version": "1", "description": "goes wrong on request"});
        dir.write("layer.json", &json!({"file_format_version": "1.1.2", "layer": layer}).to_string());
        Self(dir)
    }

    /// What a command's environment has to say.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.0.path(name).to_str().unwrap().to_owned();
        vec![
            ("VK_LAYER_PATH", path("")),
            ("VK_INSTANCE_LAYERS", LAYER.to_owned()),
            ("SPHERE_POW_FAULT", path("fault")),
            ("SPHERE_POW_FAULT_NAME", CARD.to_owned()),
        ]
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.0.command(args);
        command.envs(self.environment());
        command
    }

    /// What is wrong from here on.
    pub(crate) fn begin(&self, fault: &str) {
        // Whole or not at all: the layer reads it at any moment.
        self.0.write("fault.new", fault);
        std::fs::rename(self.0.path("fault.new"), self.0.path("fault")).unwrap();
    }

    pub(crate) fn end(&self) {
        std::fs::remove_file(self.0.path("fault")).unwrap();
    }
}
