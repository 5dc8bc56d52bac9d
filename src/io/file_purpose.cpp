#include "rooflaw/io/file_purpose.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::io {

namespace {

using Keys = std::vector<std::string_view>;

const Keys of_jobs{"job", "space", "targets", "search", "refine"};
const Keys of_cases{"architecture", "device", "precision", "workload"};
const Keys of_tables{"device", "precision", "workload", "model", "law", "quantisation"};

template <class Holds>
std::string_view first_of(const toml::table& file, const Keys& keys, Holds holds) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](std::string_view key) {
    const toml::node* node = file.get(key);
    return node != nullptr && holds(*node);
  });
  return found == keys.end() ? std::string_view{} : *found;
}

bool any(const toml::node&) { return true; }
bool list_of_tables(const toml::node& node) {
  return node.is_array_of_tables() && !node.as_array()->empty();
}

/// A file with a key of its own kind is of that kind, with whatever faults.
void require(const toml::table& file, const Keys& own, const Keys& other, const std::string& rule) {
  const auto table = first_of(file, of_tables, list_of_tables);
  const bool tables_only = !table.empty() && std::all_of(file.begin(), file.end(), [&](auto&& x) {
    return list_of_tables(x.second);
  });
  if (!tables_only && !first_of(file, own, any).empty()) return;
  const auto alien = tables_only ? table : first_of(file, other, any);
  if (alien.empty()) return;
  format::Faults faults;
  faults.add(
      *file.get(alien), std::string(alien),
      tables_only ? "this is a file of tables, neither a job nor a case: those name it" : rule);
  faults.throw_if_any();
}

}  // namespace

void require_job(const toml::table& file) {
  require(file, of_jobs, of_cases, "this is a case, not a job: rooflaw evaluate reads it");
}

void require_case(const toml::table& file) {
  require(file, of_cases, of_jobs, "this is a job, not a case: rooflaw search reads it");
}

}  // namespace rooflaw::io
