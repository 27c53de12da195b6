//! A Vulkan layer that goes wrong on request. It stands between the loader and a software driver, so that tests see the
//! command on a device that is lost, hangs, skips its work or has no memory.
//!
//! `SPHERE_POW_FAULT` names a file; while it exists, the word in it is what is wrong:
//!
//! - `lose`: submitting says that the device is lost;
//! - `hang`: submitting does not return;
//! - `skip`: dispatches do nothing;
//! - `memory`: there is no device memory left.
//!
//! `SPHERE_POW_FAULT_NAME` is the device's name, which is then said to be a discrete GPU.
//!
//! Source: "Architecture of the Vulkan Loader Interfaces", part "Layer Interface".
#![cfg(target_os = "linux")]

mod interface;

use ash::vk;
use interface::{DeviceLink, InstanceLink, Negotiation, next_device_link, next_instance_link};
use std::collections::HashMap;
use std::ffi::{CStr, c_char};
use std::mem::transmute;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Functions of whoever comes next, by the dispatch table that an instance and its physical devices share.
static INSTANCES: RwLock<Option<HashMap<usize, NextInstance>>> = RwLock::new(None);
/// The same of a device, its queues and its command buffers.
static DEVICES: RwLock<Option<HashMap<usize, NextDevice>>> = RwLock::new(None);

/// Looked up when the instance is made: later the loader's answer would be the whole chain's, and so this layer's own.
#[derive(Clone, Copy)]
struct NextInstance {
    get_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    create_device: vk::PFN_vkCreateDevice,
    properties: vk::PFN_vkGetPhysicalDeviceProperties,
    properties_2: vk::PFN_vkGetPhysicalDeviceProperties2,
}

#[derive(Clone, Copy)]
struct NextDevice {
    get_proc_addr: vk::PFN_vkGetDeviceProcAddr,
    queue_submit: vk::PFN_vkQueueSubmit,
    cmd_dispatch: vk::PFN_vkCmdDispatch,
    allocate_memory: vk::PFN_vkAllocateMemory,
}

/// What is wrong at the moment, if `word` is.
fn is_wrong(word: &str) -> bool {
    let Some(path) = std::env::var_os("SPHERE_POW_FAULT") else { return false };
    std::fs::read_to_string(path).is_ok_and(|text| text.trim() == word)
}

/// The loader's dispatch table of a dispatchable handle, which its first word points to.
///
/// # Safety
/// The handle is one that the loader gave.
unsafe fn table<H: vk::Handle>(handle: H) -> usize {
    // SAFETY: a dispatchable handle points to its dispatch table's address.
    unsafe { *(handle.as_raw() as *const usize) }
}

fn put<V>(map: &RwLock<Option<HashMap<usize, V>>>, key: usize, value: V) {
    map.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(key, value);
}

fn next<V: Copy>(map: &RwLock<Option<HashMap<usize, V>>>, key: usize) -> Option<V> {
    map.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&key).copied()
}

/// Where the loader begins: says which of its interfaces this layer speaks.
///
/// # Safety
/// Called by the loader, with a structure of its own.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkNegotiateLoaderLayerInterfaceVersion(
    negotiation: *mut Negotiation,
) -> vk::Result {
    // SAFETY: the loader gives a valid structure.
    let negotiation = unsafe { &mut *negotiation };
    negotiation.version = negotiation.version.min(2);
    negotiation.get_instance_proc_addr = Some(get_instance_proc_addr);
    negotiation.get_device_proc_addr = Some(get_device_proc_addr);
    negotiation.get_physical_device_proc_addr = None;
    vk::Result::SUCCESS
}

/// A function of this layer as the loader wants it.
macro_rules! pointer {
    ($function:expr, $kind:ty) => {{
        let function: $kind = $function;
        // SAFETY: the loader casts it back to its own type, by the name it asked for.
        Some(unsafe { transmute::<$kind, unsafe extern "system" fn()>(function) })
    }};
}

unsafe extern "system" fn get_instance_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the loader gives a string that ends with zero.
    match unsafe { CStr::from_ptr(name) }.to_bytes() {
        b"vkGetInstanceProcAddr" => pointer!(get_instance_proc_addr, vk::PFN_vkGetInstanceProcAddr),
        b"vkCreateInstance" => pointer!(create_instance, vk::PFN_vkCreateInstance),
        b"vkCreateDevice" => pointer!(create_device, vk::PFN_vkCreateDevice),
        b"vkGetPhysicalDeviceProperties" => pointer!(properties, vk::PFN_vkGetPhysicalDeviceProperties),
        b"vkGetPhysicalDeviceProperties2" | b"vkGetPhysicalDeviceProperties2KHR" => {
            pointer!(properties_2, vk::PFN_vkGetPhysicalDeviceProperties2)
        }
        b"vkGetDeviceProcAddr" => pointer!(get_device_proc_addr, vk::PFN_vkGetDeviceProcAddr),
        _ if instance == vk::Instance::null() => None,
        // SAFETY: the instance is one of the loader's.
        _ => match next(&INSTANCES, unsafe { table(instance) }) {
            // SAFETY: the next one's function, called as we were.
            Some(next) => unsafe { (next.get_proc_addr)(instance, name) },
            None => None,
        },
    }
}

unsafe extern "system" fn get_device_proc_addr(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the loader gives a string that ends with zero.
    match unsafe { CStr::from_ptr(name) }.to_bytes() {
        b"vkGetDeviceProcAddr" => pointer!(get_device_proc_addr, vk::PFN_vkGetDeviceProcAddr),
        b"vkQueueSubmit" => pointer!(queue_submit, vk::PFN_vkQueueSubmit),
        b"vkCmdDispatch" => pointer!(cmd_dispatch, vk::PFN_vkCmdDispatch),
        b"vkAllocateMemory" => pointer!(allocate_memory, vk::PFN_vkAllocateMemory),
        // SAFETY: the device is one of the loader's.
        _ => match next(&DEVICES, unsafe { table(device) }) {
            // SAFETY: the next one's function, called as we were.
            Some(next) => unsafe { (next.get_proc_addr)(device, name) },
            None => None,
        },
    }
}

unsafe extern "system" fn create_instance(
    info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    // SAFETY: the loader's chain; each layer takes one link off.
    let Some(InstanceLink { get_instance_proc_addr: get, .. }) = (unsafe { next_instance_link(info) }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the next one's functions of these names have these types; the arguments are ours.
    unsafe {
        let Some(create) = get(vk::Instance::null(), c"vkCreateInstance".as_ptr()) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let create = transmute::<unsafe extern "system" fn(), vk::PFN_vkCreateInstance>(create);
        let result = create(info, allocator, instance);
        if result != vk::Result::SUCCESS {
            return result;
        }
        let of = |name: &CStr| get(*instance, name.as_ptr());
        let (Some(create), Some(one), Some(two)) = (
            of(c"vkCreateDevice"),
            of(c"vkGetPhysicalDeviceProperties"),
            of(c"vkGetPhysicalDeviceProperties2").or_else(|| of(c"vkGetPhysicalDeviceProperties2KHR")),
        ) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let next = NextInstance {
            get_proc_addr: get,
            create_device: transmute::<unsafe extern "system" fn(), vk::PFN_vkCreateDevice>(create),
            properties: transmute::<unsafe extern "system" fn(), vk::PFN_vkGetPhysicalDeviceProperties>(one),
            properties_2: transmute::<unsafe extern "system" fn(), vk::PFN_vkGetPhysicalDeviceProperties2>(
                two,
            ),
        };
        put(&INSTANCES, table(*instance), next);
        result
    }
}

unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    // SAFETY: the loader's chain; each layer takes one link off.
    let Some(DeviceLink { get_device_proc_addr: get, .. }) = (unsafe { next_device_link(info) }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the next one's functions of these names have these types; the arguments are ours.
    unsafe {
        let Some(instance) = next(&INSTANCES, table(physical)) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let result = (instance.create_device)(physical, info, allocator, device);
        if result != vk::Result::SUCCESS {
            return result;
        }
        let (Some(submit), Some(dispatch), Some(allocate)) = (
            get(*device, c"vkQueueSubmit".as_ptr()),
            get(*device, c"vkCmdDispatch".as_ptr()),
            get(*device, c"vkAllocateMemory".as_ptr()),
        ) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let next = NextDevice {
            get_proc_addr: get,
            queue_submit: transmute::<unsafe extern "system" fn(), vk::PFN_vkQueueSubmit>(submit),
            cmd_dispatch: transmute::<unsafe extern "system" fn(), vk::PFN_vkCmdDispatch>(dispatch),
            allocate_memory: transmute::<unsafe extern "system" fn(), vk::PFN_vkAllocateMemory>(allocate),
        };
        put(&DEVICES, table(*device), next);
        result
    }
}

/// Gives a device the name that the environment wants.
fn rename(properties: &mut vk::PhysicalDeviceProperties) {
    let Ok(name) = std::env::var("SPHERE_POW_FAULT_NAME") else { return };
    properties.device_type = vk::PhysicalDeviceType::DISCRETE_GPU;
    properties.device_name.fill(0);
    // The last place stays zero.
    let room = properties.device_name.len() - 1;
    for (place, byte) in properties.device_name[..room].iter_mut().zip(name.bytes()) {
        *place = c_char::from_ne_bytes([byte]);
    }
}

unsafe extern "system" fn properties(
    physical: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties,
) {
    // SAFETY: the next one's function, called as we were.
    unsafe {
        if let Some(next) = next(&INSTANCES, table(physical)) {
            (next.properties)(physical, properties);
            rename(&mut *properties);
        }
    }
}

unsafe extern "system" fn properties_2(
    physical: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties2<'_>,
) {
    // SAFETY: the next one's function, called as we were.
    unsafe {
        if let Some(next) = next(&INSTANCES, table(physical)) {
            (next.properties_2)(physical, properties);
            rename(&mut (*properties).properties);
        }
    }
}

unsafe extern "system" fn queue_submit(
    queue: vk::Queue,
    count: u32,
    submits: *const vk::SubmitInfo<'_>,
    fence: vk::Fence,
) -> vk::Result {
    while is_wrong("hang") {
        std::thread::sleep(Duration::from_millis(10));
    }
    // SAFETY: the queue is one of the loader's.
    match next(&DEVICES, unsafe { table(queue) }) {
        Some(_) if is_wrong("lose") => vk::Result::ERROR_DEVICE_LOST,
        // SAFETY: the next one's function, called as we were.
        Some(next) => unsafe { (next.queue_submit)(queue, count, submits, fence) },
        None => vk::Result::ERROR_DEVICE_LOST,
    }
}

unsafe extern "system" fn cmd_dispatch(buffer: vk::CommandBuffer, x: u32, y: u32, z: u32) {
    // SAFETY: the buffer is one of the loader's.
    if let Some(next) = next(&DEVICES, unsafe { table(buffer) })
        && !is_wrong("skip")
    {
        // SAFETY: the next one's function, called as we were.
        unsafe { (next.cmd_dispatch)(buffer, x, y, z) }
    }
}

unsafe extern "system" fn allocate_memory(
    device: vk::Device,
    info: *const vk::MemoryAllocateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    memory: *mut vk::DeviceMemory,
) -> vk::Result {
    // SAFETY: the device is one of the loader's.
    match next(&DEVICES, unsafe { table(device) }) {
        Some(_) if is_wrong("memory") => vk::Result::ERROR_OUT_OF_DEVICE_MEMORY,
        // SAFETY: the next one's function, called as we were.
        Some(next) => unsafe { (next.allocate_memory)(device, info, allocator, memory) },
        None => vk::Result::ERROR_OUT_OF_DEVICE_MEMORY,
    }
}
