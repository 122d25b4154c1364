//! The parts of libtorch that its Rust binding lacks.
//!
//! They are the native backward pass of a convolution, an `AdamW` step over all parameters at once, a CUDA
//! stream for each thread, and the names and memory of GPUs. This is our only crate with `unsafe` code, and
//! it holds nothing else.

use std::ffi::{CStr, c_char};

pub use tch;
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn kindling_convolution_backward(
        slope: *const C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        padding: i64,
        input_wanted: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn kindling_adam_w(
        weights: *const *const C_tensor,
        slopes: *const *const C_tensor,
        first_moments: *const *const C_tensor,
        second_moments: *const *const C_tensor,
        count: usize,
        step: *const C_tensor,
        learning_rate: f64,
        beta_1: f64,
        beta_2: f64,
        weight_decay: f64,
        epsilon: f64,
    ) -> *mut c_char;
    fn kindling_end_without_destructors();
    fn kindling_use_own_stream(index: i64) -> *mut c_char;
    fn kindling_gpu_memory(index: i64, allocated: *mut i64, reserved: *mut i64) -> *mut c_char;
    fn kindling_libtorch_version() -> *const c_char;
    fn kindling_gpu(
        index: i64,
        name: *mut c_char,
        name_capacity: i32,
        memory: *mut usize,
    ) -> *mut c_char;
}

/// A message from libtorch or the GPU's driver. It begins with libtorch's own text, such as
/// `CUDA out of memory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The gradients of a convolution.
#[derive(Debug)]
pub struct ConvolutionGradients {
    /// With respect to the input `[images, inputs, height, width]`, if requested.
    pub input: Option<Tensor>,
    /// With respect to the weights `[outputs, inputs, kernel height, kernel width]`.
    pub weight: Tensor,
    /// With respect to the biases `[outputs]`.
    pub bias: Tensor,
}

/// The gradients of a two-dimensional convolution with stride 1, one group and a bias.
///
/// `slope` is the gradient of its output `[images, outputs, height, width]`. Calls
/// `at::convolution_backward`.
pub fn convolution_backward(
    slope: &Tensor,
    input: &Tensor,
    weight: &Tensor,
    padding: usize,
    input_wanted: bool,
) -> Result<ConvolutionGradients, Error> {
    let mut out = [std::ptr::null_mut(); 3];
    // SAFETY: the tensors outlive the call, which does not keep them, and `out` has room for the three
    // results.
    checked(unsafe {
        kindling_convolution_backward(
            slope.as_ptr(),
            input.as_ptr(),
            weight.as_ptr(),
            padding as i64,
            input_wanted,
            out.as_mut_ptr(),
        )
    })?;
    // SAFETY: without an error each pointer is a tensor that we own, or null where none was requested.
    let owned = |tensor: *mut C_tensor| unsafe { Tensor::from_ptr(tensor) };
    let [input, weight, bias] = out;
    let input = input_wanted.then(|| owned(input));
    Ok(ConvolutionGradients { input, weight: owned(weight), bias: owned(bias) })
}

/// The constants of `AdamW` (Loshchilov and Hutter, arXiv 1711.05101), as in `torch.optim.AdamW`.
#[derive(Debug, Clone, Copy)]
pub struct AdamW {
    /// The decay of the first moments.
    pub beta_1: f64,
    /// The decay of the second moments.
    pub beta_2: f64,
    /// The weight decay; each step multiplies it by the learning rate.
    pub weight_decay: f64,
    /// Added to the square root of the second moments.
    pub epsilon: f64,
}

/// A parameter in an `AdamW` step. All four tensors have one shape, are contiguous and on one device.
#[derive(Debug)]
pub struct Parameter {
    /// Changed in place.
    pub weight: Tensor,
    /// The gradient.
    pub slope: Tensor,
    /// Changed in place; zeros before the first step.
    pub first_moment: Tensor,
    /// Changed in place; zeros before the first step.
    pub second_moment: Tensor,
}

impl AdamW {
    /// Takes one step on all parameters in place, with `at::_fused_adamw_`.
    ///
    /// `step` is a float tensor on the parameters' device that counts the steps, including this one.
    pub fn step(
        &self,
        parameters: &mut [Parameter],
        step: &Tensor,
        learning_rate: f64,
    ) -> Result<(), Error> {
        let list = |of: fn(&Parameter) -> &Tensor| -> Vec<_> {
            parameters.iter().map(|parameter| of(parameter).as_ptr()).collect()
        };
        let weights = list(|parameter| &parameter.weight);
        let slopes = list(|parameter| &parameter.slope);
        let first_moments = list(|parameter| &parameter.first_moment);
        let second_moments = list(|parameter| &parameter.second_moment);
        // SAFETY: the four lists have the same length, and they and the tensors outlive the call.
        checked(unsafe {
            kindling_adam_w(
                weights.as_ptr(),
                slopes.as_ptr(),
                first_moments.as_ptr(),
                second_moments.as_ptr(),
                weights.len(),
                step.as_ptr(),
                learning_rate,
                self.beta_1,
                self.beta_2,
                self.weight_decay,
                self.epsilon,
            )
        })
    }
}

/// Makes the process exit without destroying the globals that libtorch has created so far.
///
/// Destroying them would crash threads that still use them.
pub fn end_without_destructors() {
    // SAFETY: registers a handler that takes no arguments and does not return.
    unsafe { kindling_end_without_destructors() }
}

/// Gives the calling thread its own CUDA stream on a GPU, so that its kernels do not queue behind other
/// threads'.
///
/// libtorch hands out 32 streams in turn. Do not use afterwards what the thread allocated before.
pub fn use_own_stream(gpu: usize) -> Result<(), Error> {
    // SAFETY: no memory is passed.
    checked(unsafe { kindling_use_own_stream(gpu as i64) })
}

/// The GPU memory that this process holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Used by tensors.
    pub allocated: u64,
    /// Used by tensors or cached by libtorch for later ones.
    pub reserved: u64,
}

/// The memory that this process holds on a GPU.
pub fn gpu_memory(gpu: usize) -> Result<Memory, Error> {
    let (mut allocated, mut reserved) = (0_i64, 0_i64);
    // SAFETY: both are written to only during the call.
    checked(unsafe { kindling_gpu_memory(gpu as i64, &raw mut allocated, &raw mut reserved) })?;
    let bytes = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Memory { allocated: bytes(allocated), reserved: bytes(reserved) })
}

/// The libtorch release that this build uses.
#[must_use]
pub fn version() -> String {
    // SAFETY: the string is a literal in the C++ code.
    unsafe { CStr::from_ptr(kindling_libtorch_version()) }.to_string_lossy().into_owned()
}

/// A GPU as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// For example `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// Its memory in bytes.
    pub memory: usize,
}

/// Describes the GPU `cuda:<index>`, or says why there is none.
pub fn gpu(index: usize) -> Result<Gpu, Error> {
    let mut name = [0 as c_char; 256];
    let mut memory = 0;
    // SAFETY: the call writes a string that ends within the 256 bytes, and a number.
    checked(unsafe {
        kindling_gpu(index as i64, name.as_mut_ptr(), name.len() as i32, &raw mut memory)
    })?;
    // SAFETY: the driver terminates the name with a zero byte, and the array was all zeros before.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
    Ok(Gpu { name, memory })
}

/// Turns the C side's message into an error, and frees it.
fn checked(message: *mut c_char) -> Result<(), Error> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a message that is not null is a string from `strdup` that we must free once.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    // SAFETY: as above, and nothing reads it any more.
    unsafe { libc::free(message.cast()) };
    Err(Error(text))
}
