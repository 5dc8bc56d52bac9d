#include "rooflaw/search/method_run.hpp"

namespace rooflaw::search {

std::unique_ptr<MethodRun> start(const Method& method, const Question& question, Role role) {
  return std::visit([&](const auto& options) { return start(options, question, role); }, method);
}

}  // namespace rooflaw::search
