#include "report.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace wg::emu {
namespace {

/// A file, mapped for as long as it is looked at.
class Mapped {
 public:
  explicit Mapped(const char* path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (file < 0) return;
    if (fstat(file, &info) == 0) {
      void* p = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file, 0);
      if (p != MAP_FAILED) {
        data_ = static_cast<const char*>(p);
        size_ = static_cast<size_t>(info.st_size);
      }
    }
    close(file);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() {
    if (data_) munmap(const_cast<char*>(data_), size_);
  }
  /// n items at an offset, or null when the file is shorter.
  template <class T>
  const T* at(uint64_t offset, uint64_t n = 1) const {
    return offset <= size_ && n <= (size_ - offset) / sizeof(T) ? reinterpret_cast<const T*>(data_ + offset)
                                                                : nullptr;
  }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

/// Kernels are hidden or local symbols, which dladdr() does not know: the table for debuggers has them.
std::string symbolAt(const char* path, uint64_t address) {
  const Mapped file(path);
  const auto* header = file.at<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return "";
  const auto* sections = file.at<Elf64_Shdr>(header->e_shoff, header->e_shnum);
  for (int i = 0; sections && i < header->e_shnum; i++) {
    const Elf64_Shdr& table = sections[i];
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= header->e_shnum) continue;
    const uint64_t count = table.sh_size / sizeof(Elf64_Sym);
    const auto* symbols = file.at<Elf64_Sym>(table.sh_offset, count);
    const Elf64_Shdr& strings = sections[table.sh_link];
    for (uint64_t k = 0; symbols && k < count; k++) {
      const Elf64_Sym& s = symbols[k];
      if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || address < s.st_value) continue;
      if (address != s.st_value && address >= s.st_value + s.st_size) continue;
      const auto* name = file.at<char>(strings.sh_offset + s.st_name, 1);
      if (name && s.st_name < strings.sh_size) return name;
    }
  }
  return "";
}

/// `wg::cuda::(anonymous namespace)::rowSum<float>(float*, int)` → `rowSum<float>`.
std::string shorten(std::string name) {
  for (const char* noise : {"(anonymous namespace)::", "wg::cuda::", "wg::generic::", "wg::"})
    for (size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, std::strlen(noise));
  int depth = 0;
  for (size_t i = 0; i < name.size(); i++) {
    if (name[i] == '<') depth++;
    if (name[i] == '>') depth--;
    if (name[i] == '(' && depth == 0) {
      name.resize(i);
      break;
    }
  }
  if (name.starts_with("void ")) name.erase(0, 5);
  constexpr size_t kMost = 80;
  if (name.size() > kMost) name = name.substr(0, kMost - 3) + "...";
  return name;
}

}  // namespace

std::string functionName(const void* address) {
  Dl_info info{};
  if (!dladdr(address, &info) || !info.dli_fname) return "?";
  // An executable may be linked to its final addresses; a library's symbols count from where it was loaded.
  const auto absolute = reinterpret_cast<uint64_t>(address);
  std::string name = symbolAt(info.dli_fname, absolute - reinterpret_cast<uint64_t>(info.dli_fbase));
  if (name.empty()) name = symbolAt(info.dli_fname, absolute);
  if (name.empty()) return "?";
  int status = 0;
  char* plain = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  if (status == 0) name = plain;
  std::free(plain);
  return shorten(name);
}

Text print(const char* format, ...) {
  Text text;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.chars, sizeof text.chars, format, arguments);
  va_end(arguments);
  return text;
}

Text describe(const Place& place) {
  const char* slash = std::strrchr(place.file_name(), '/');
  return print("%s:%u", slash ? slash + 1 : place.file_name(), place.line());
}

Text describe(const uint3& index) { return print("(%u,%u,%u)", index.x, index.y, index.z); }

}  // namespace wg::emu
