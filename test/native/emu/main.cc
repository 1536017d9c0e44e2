// Runs the tests, all or those whose names contain an argument: `N passed, N failed`.
#include <string_view>

#include "harness.h"

namespace harness {
namespace {

struct Entry {
  const char* name;
  void (*run)();
};
std::vector<Entry>& entries() {
  static std::vector<Entry> list;
  return list;
}
int failures = 0;

}  // namespace

Test::Test(const char* name, void (*run)()) { entries().push_back({name, run}); }

void failed(const char* file, int line, const std::string& what) {
  if (failures++ < 10) std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

}  // namespace harness

int main(int argc, char** argv) {
  using namespace harness;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a crash may not swallow what was said before it
  int passedCount = 0, failedCount = 0;
  for (const Entry& entry : entries()) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++)
      wanted |= std::string_view(entry.name).find(argv[i]) != std::string_view::npos;
    if (!wanted) continue;
    failures = 0;
    entry.run();
    (failures ? failedCount : passedCount)++;
    std::printf("%s %s\n", failures ? "FAIL" : "ok  ", entry.name);
  }
  std::printf("%d passed, %d failed\n", passedCount, failedCount);
  return failedCount ? 1 : 0;
}
