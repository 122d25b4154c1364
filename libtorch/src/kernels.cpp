// The parts of libtorch that its Rust binding lacks, behind a C interface.
//
// Every function returns nullptr, or an error message that the caller must free.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>

namespace {

template <typename F>
char *guarded(F body) {
  try {
    body();
    return nullptr;
  } catch (const c10::Error &error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an exception that is none of libtorch's");
  }
}

std::vector<at::Tensor> list(at::Tensor *const *tensors, size_t count) {
  std::vector<at::Tensor> copies;
  copies.reserve(count);
  for (size_t i = 0; i < count; ++i) copies.push_back(*tensors[i]);
  return copies;
}

}  // namespace

extern "C" {

// The gradients of a two-dimensional convolution with stride 1, one group and a bias. Writes those of the
// input (or nullptr if not requested), the weight and the bias to `out`; the caller owns them.
char *kindling_convolution_backward(const at::Tensor *slope, const at::Tensor *input,
                                    const at::Tensor *weight, int64_t padding, bool input_wanted,
                                    at::Tensor **out) {
  return guarded([&] {
    const int64_t outputs = weight->size(0);
    auto [input_slope, weight_slope, bias_slope] = at::convolution_backward(
        *slope, *input, *weight, at::IntArrayRef(&outputs, 1), {1, 1}, {padding, padding}, {1, 1},
        false, {0, 0}, 1, {input_wanted, true, true});
    out[0] = input_wanted ? new at::Tensor(input_slope) : nullptr;
    out[1] = new at::Tensor(weight_slope);
    out[2] = new at::Tensor(bias_slope);
  });
}

// Takes one step of AdamW on `count` parameters in place. `step` is a float tensor on the parameters' device
// that counts the steps, including this one.
char *kindling_adam_w(at::Tensor *const *weights, at::Tensor *const *slopes,
                      at::Tensor *const *first_moments, at::Tensor *const *second_moments,
                      size_t count, const at::Tensor *step, double learning_rate, double beta_1,
                      double beta_2, double weight_decay, double epsilon) {
  return guarded([&] {
    const std::vector<at::Tensor> steps(count, *step);
    at::_fused_adamw_(list(weights, count), list(slopes, count), list(first_moments, count),
                      list(second_moments, count), {}, steps, learning_rate, beta_1, beta_2,
                      weight_decay, epsilon, /*amsgrad=*/false, /*maximize=*/false);
  });
}

// Makes the process exit without destroying the globals that libtorch has created so far. Destroying them
// would crash a thread that still trains: a worker that hands a trial back does not wait for its thread.
void kindling_end_without_destructors() {
  on_exit([](int status, void *) { fflush(nullptr); _exit(status); }, nullptr);
}

// Gives the calling thread its own stream on a CUDA device, so that its kernels do not queue behind other
// threads'.
char *kindling_use_own_stream(int64_t index) {
  return guarded([&] {
    const c10::impl::VirtualGuardImpl cuda(c10::DeviceType::CUDA);
    const c10::Device device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index));
    cuda.setDevice(device);
    cuda.exchangeStream(cuda.getStreamFromGlobalPool(device));
  });
}

// The bytes that this process's tensors use on a CUDA device, and those that it reserves.
char *kindling_gpu_memory(int64_t index, int64_t *allocated, int64_t *reserved) {
  return guarded([&] {
    auto *allocator = at::getDeviceAllocator(c10::DeviceType::CUDA);
    const auto stats = allocator->getDeviceStats(static_cast<c10::DeviceIndex>(index));
    // The first element of each array is the sum over all block sizes.
    *allocated = stats.allocated_bytes[0].current;
    *reserved = stats.reserved_bytes[0].current;
  });
}

// The libtorch release that this was compiled with.
const char *kindling_libtorch_version() { return TORCH_VERSION; }

// The name and the memory in bytes of a CUDA device, from the driver itself: its few functions have been
// stable for a decade and need no CUDA headers.
char *kindling_gpu(int64_t index, char *name, int32_t name_capacity, size_t *memory) {
  return guarded([&] {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    if (driver == nullptr) throw std::runtime_error("no NVIDIA driver: libcuda.so.1 is missing");
    const auto call = [&](const char *function, auto... arguments) {
      using Function = int (*)(decltype(arguments)...);
      const auto pointer = reinterpret_cast<Function>(dlsym(driver, function));
      const int status = pointer == nullptr ? -1 : pointer(arguments...);
      if (status != 0)
        throw std::runtime_error(std::string("the NVIDIA driver's ") + function +
                                 " failed with code " + std::to_string(status));
    };
    int device = 0;
    call("cuInit", 0u);
    call("cuDeviceGet", &device, static_cast<int>(index));
    call("cuDeviceGetName", name, static_cast<int>(name_capacity), device);
    call("cuDeviceTotalMem_v2", memory, device);
  });
}

}  // extern "C"
