# The fallback for machines without CMake: the same sources, flags and products as CMakeLists.txt, CPU only.
{
  "variables": {
    "math_flags": ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"],
    "avx2_flags": ["-mavx2", "-mfma", "-mf16c", "-mbmi2"],
    "avx512_flags": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx2", "-mfma", "-mf16c", "-mbmi2",
                     "-mprefer-vector-width=512"],
    "core_sources": ["<!@(node -p \"require('./native/sources.json').core.join(' ')\")"],
    "cpu_sources": ["<!@(node -p \"require('./native/sources.json').cpu.join(' ')\")"],
    "kernel_sources": ["<!@(node -p \"require('./native/sources.json').kernels.join(' ')\")"],
    "binding_sources": ["<!@(node -p \"require('./native/sources.json').binding.join(' ')\")"],
    "fake_sources": ["<!@(node -p \"require('./native/sources.json').fake.join(' ')\")"],
  },
  "target_defaults": {
    "default_configuration": "Release",
    "cflags": ["-O3", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections", "-fstack-protector-strong",
               "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-Wall", "-Wextra"],
    "cflags_cc": ["-std=c++20", "-fvisibility-inlines-hidden", "-fno-rtti"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-exceptions"],
    "xcode_settings": {
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES", "CLANG_CXX_LANGUAGE_STANDARD": "c++20", "GCC_OPTIMIZATION_LEVEL": "3",
      "MACOSX_DEPLOYMENT_TARGET": "11.0", "GCC_ENABLE_CPP_EXCEPTIONS": "YES", "GCC_ENABLE_CPP_RTTI": "NO",
    },
    "conditions": [["OS=='linux'", {
      "cflags_cc": ["-fno-gnu-unique", "-fno-version-loops-for-strides"],
      "ldflags": ["-Wl,--gc-sections", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,nodelete", "-Wl,-z,noexecstack"],
      "ldflags!": ["-rdynamic"],
    }]],
  },
  "targets": [
    {
      "target_name": "wg_core",
      "type": "static_library",
      "sources": ["<@(core_sources)"],
      "cflags_cc": ["-fexceptions"],
    },
    {
      "target_name": "wg_cpu",
      "type": "static_library",
      "sources": ["<@(cpu_sources)"],
      "cflags_cc": ["-fexceptions", "<@(math_flags)"],
    },
    {
      "target_name": "kernels_base",
      "type": "static_library",
      "sources": ["<@(kernel_sources)"],
      "defines": ["WG_ISA=base"],
      "cflags_cc": ["-fno-exceptions", "-fno-asynchronous-unwind-tables", "<@(math_flags)"],
    },
    {
      "target_name": "warpgrad",
      "sources": ["<@(binding_sources)"],
      "dependencies": ["wg_core", "wg_cpu", "kernels_base"],
      "include_dirs": ["node_modules/node-addon-api", "node_modules/node-api-headers/include"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags_cc": ["-fexceptions"],
      "conditions": [["target_arch=='x64'", {"dependencies": ["kernels_avx2", "kernels_avx512"]}]],
    },
    {
      "target_name": "warpgrad_fake",
      "type": "shared_library",  # a loadable_module would be named .node
      "product_dir": "<(PRODUCT_DIR)",
      "product_prefix": "lib",
      "sources": ["<@(fake_sources)"],
      "dependencies": ["wg_core", "wg_cpu", "kernels_base"],
      "cflags_cc": ["-fexceptions"],
      "conditions": [["OS=='linux'", {
        "ldflags": ["-Wl,-z,defs", "-Wl,--version-script=<(module_root_dir)/native/backend.map"],
      }]],
    },
  ],
  "conditions": [["target_arch=='x64'", {
    "targets": [
      {
        "target_name": "kernels_avx2",
        "type": "static_library",
        "sources": ["<@(kernel_sources)"],
        "defines": ["WG_ISA=avx2"],
        "cflags_cc": ["-fno-exceptions", "-fno-asynchronous-unwind-tables", "<@(math_flags)", "<@(avx2_flags)"],
        "xcode_settings": {"OTHER_CFLAGS": ["<@(avx2_flags)"]},
      },
      {
        "target_name": "kernels_avx512",
        "type": "static_library",
        "sources": ["<@(kernel_sources)"],
        "defines": ["WG_ISA=avx512"],
        "cflags_cc": ["-fno-exceptions", "-fno-asynchronous-unwind-tables", "<@(math_flags)", "<@(avx512_flags)"],
        "xcode_settings": {"OTHER_CFLAGS": ["<@(avx512_flags)"]},
      },
    ],
  }]],
}
