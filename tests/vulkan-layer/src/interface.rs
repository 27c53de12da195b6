//! What the loader gives to layers (`vk_layer.h`), which ash does not have.

use ash::vk;
use std::ffi::c_void;

/// `VkNegotiateLayerInterface`.
#[repr(C)]
#[derive(Debug)]
pub struct Negotiation {
    kind: i32,
    next: *mut c_void,
    pub(crate) version: u32,
    pub(crate) get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    pub(crate) get_device_proc_addr: Option<vk::PFN_vkGetDeviceProcAddr>,
    pub(crate) get_physical_device_proc_addr: vk::PFN_vkVoidFunction,
}

/// `VkLayerInstanceLink`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct InstanceLink {
    next: *mut InstanceLink,
    pub(crate) get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    get_physical_device_proc_addr: vk::PFN_vkVoidFunction,
}

/// `VkLayerDeviceLink`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DeviceLink {
    next: *mut DeviceLink,
    get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    pub(crate) get_device_proc_addr: vk::PFN_vkGetDeviceProcAddr,
}

/// `VkLayerInstanceCreateInfo` and `VkLayerDeviceCreateInfo`, which differ in the link's type.
#[repr(C)]
struct CreateInfo<Link> {
    kind: i32,
    next: *mut c_void,
    function: i32,
    link: *mut Link,
}

/// `VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO` and `VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO`.
const KINDS: [i32; 2] = [47, 48];
/// `VK_LAYER_LINK_INFO`.
const LINK_INFO: i32 = 0;

/// Takes a link off the chain that begins with `first`.
///
/// # Safety
/// The chain is one of Vulkan's, made by the loader, with links of that type.
unsafe fn take<Link: Copy>(first: *const c_void, kind: i32, next_of: fn(&Link) -> *mut Link) -> Option<Link> {
    let mut at = first.cast_mut().cast::<CreateInfo<Link>>();
    // SAFETY: each structure of a chain begins with its kind and the next one's address.
    unsafe {
        while !at.is_null() && ((*at).kind != kind || (*at).function != LINK_INFO) {
            at = (*at).next.cast();
        }
        let info = at.as_mut()?;
        let link = *info.link.as_ref()?;
        info.link = next_of(&link);
        Some(link)
    }
}

/// The next layer's or driver's functions, for `vkCreateInstance`.
///
/// # Safety
/// `info` is what the loader gave.
pub(crate) unsafe fn next_instance_link(info: *const vk::InstanceCreateInfo<'_>) -> Option<InstanceLink> {
    // SAFETY: as above.
    unsafe { take((*info).p_next, KINDS[0], |link: &InstanceLink| link.next) }
}

/// The next layer's or driver's functions, for `vkCreateDevice`.
///
/// # Safety
/// `info` is what the loader gave.
pub(crate) unsafe fn next_device_link(info: *const vk::DeviceCreateInfo<'_>) -> Option<DeviceLink> {
    // SAFETY: as above.
    unsafe { take((*info).p_next, KINDS[1], |link: &DeviceLink| link.next) }
}
