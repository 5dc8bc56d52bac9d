#include "merge_targets.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/io/result_setting.hpp"

namespace rooflaw::io {

namespace {

using Ids = std::vector<std::string>;
using TargetParts = std::array<std::string, target_lists.size()>;  // an entry of each list

TargetParts parts_of(const search::TargetInfo& target) {
  return {target.device, target.precision, target.workload,
          std::string(to_string(target.objective))};
}

const toml::array& entries(const MergeInput& input, std::size_t list) {
  const auto* found = input.job["targets"][target_lists[list]].as_array();
  if (found == nullptr)
    throw FileError(input.file.file(),
                    fmt::format("/@job_toml: targets.{} is no list", target_lists[list]));
  return *found;
}

/// `id` alone names an entry of the inputs folder, as the bare word does.
const toml::node& without_braces(const toml::node& entry) {
  const toml::table* table = entry.as_table();
  const bool only_id = table != nullptr && table->size() == 1 && table->contains("id");
  return only_id ? *table->get("id") : entry;
}

std::string word(const toml::node& entry) { return format::to_line(without_braces(entry)); }

/// Empty for the path of a file, which may stand for several.
std::string id_of(const toml::node& entry) {
  const toml::node& node = without_braces(entry);
  if (const toml::table* table = node.as_table()) {
    format::Faults none;
    format::TableReader reader(*table, "", none);
    return read_id(reader);
  }
  const auto text = node.value<std::string>().value_or("");
  return is_path(text) ? "" : text;
}

/// The id that targets have by an entry. One that changes an entry of the inputs folder has a hash
/// behind its own: it is looked up among `ids`. Empty: that cannot be told, as of a file or of one
/// of several such changes.
std::string id_among(const std::set<std::string>& ids, const toml::node& entry) {
  const std::string id = id_of(entry);
  if (!without_braces(entry).is_table()) return id;
  const auto first = ids.lower_bound(id + "+");
  const auto is_change = [&](auto at) { return at != ids.end() && at->starts_with(id + "+"); };
  if (is_change(first)) return is_change(std::next(first)) ? "" : *first;
  return ids.contains(id) ? id : "";
}

/// How a result's list names the tables that it used.
struct Names {
  std::set<std::string> words;
  std::map<std::string, std::string> by_id;
};

Names names_in(const MergeInput& input, std::size_t list) {
  Names names;
  std::set<std::string> ids;
  for (const auto& id : input.file.datasets(fmt::format("/inputs/{}", input_kinds[list]))) {
    ids.insert(id);
    names.by_id[id] = "a file";
  }
  for (const toml::node& entry : entries(input, list)) {
    names.words.insert(word(entry));
    if (const auto id = id_among(ids, entry); !id.empty()) names.by_id[id] = word(entry);
  }
  return names;
}

/// An order that agrees with all of the lists.
Ids common_order(std::vector<Ids> lists) {
  const auto is_behind_another = [&](const std::string& id) {
    return std::any_of(lists.begin(), lists.end(), [&](const Ids& list) {
      return std::find(list.begin() + 1, list.end(), id) != list.end();
    });
  };
  Ids order;
  for (;;) {
    std::erase_if(lists, [](const Ids& list) { return list.empty(); });
    if (lists.empty()) return order;
    const auto next = std::find_if(lists.begin(), lists.end(), [&](const Ids& list) {
      return !is_behind_another(list.front());
    });
    const std::string id = (next == lists.end() ? lists.begin() : next)->front();
    order.push_back(id);
    for (auto& list : lists) std::erase(list, id);
  }
}

/// The ids that a list of a job stands for, in its order. The ids of a file that it names are known
/// by the rows of /targets only: under the same outer entries they are in its order, if a device
/// lacks a precision not all of them.
Ids ids_in_order(const MergeInput& input, std::size_t list) {
  std::vector<Ids> known(1);
  std::set<std::string> all;
  for (const auto& info : input.targets) all.insert(parts_of(info)[list]);
  for (const toml::node& entry : entries(input, list))
    if (const auto id = id_among(all, entry); !id.empty()) known.front().push_back(id);
  std::map<Ids, Ids> under;
  for (const auto& info : input.targets) {
    const TargetParts target = parts_of(info);
    Ids& ids = under[Ids(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(list))];
    if (std::find(ids.begin(), ids.end(), target[list]) == ids.end()) ids.push_back(target[list]);
  }
  for (auto& [outer, ids] : under) known.push_back(std::move(ids));
  return common_order(std::move(known));
}

template <class Read>
auto read_input(const std::vector<MergeInput>& inputs, const std::string& kind,
                const std::string& id, Read read) {
  const std::string path = fmt::format("/inputs/{}/{}", kind, id);
  const auto with = std::find_if(inputs.begin(), inputs.end(),
                                 [&](const MergeInput& input) { return input.file.has(path); });
  if (with == inputs.end()) throw FileError(inputs.front().file.file(), path + ": is missing");
  return read_kept(with->file, kind, id, read);
}

}  // namespace

MergeInput open_merge_input(const std::string& path, format::Seal seal) {
  format::Hdf5Reader file = open_result(path, seal);
  StudyRecord study = read_study(file);
  toml::table job = format::parse_toml(study.job_toml, path);
  auto targets = read_targets(file);
  std::erase_if(targets, [&](const auto& target) { return target.law != targets.front().law; });
  return {std::move(file), std::move(study), std::move(job), std::move(targets)};
}

std::string names(const MergeInput& one, const MergeInput& other) {
  return fmt::format("{}, {}", one.file.file(), other.file.file());
}

void compare_lists(const std::vector<MergeInput>& inputs, std::vector<InputFault>& faults) {
  for (std::size_t list = 0; list < input_kinds.size(); ++list) {
    std::vector<Names> all;
    for (const auto& input : inputs) all.push_back(names_in(input, list));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      for (std::size_t j = 0; j < inputs.size(); ++j) {
        const auto fault = [&](const std::string& rule) {
          faults.push_back({.file = names(inputs[i], inputs[j]),
                            .key = fmt::format("targets.{}", target_lists[list]),
                            .rule = rule});
        };
        const bool all_words = std::includes(all[i].words.begin(), all[i].words.end(),
                                             all[j].words.begin(), all[j].words.end());
        for (const auto& [id, named] : all[j].by_id) {
          const auto known = all[i].by_id.find(id);
          if (known == all[i].by_id.end() && all_words)
            fault(fmt::format("a file that both name had {} for the second only", id));
          else if (known != all[i].by_id.end() && i < j && known->second != named)
            fault(fmt::format("{} is named by {} and by {}; it must be named alike", id,
                              known->second, named));
        }
      }
  }
}

toml::table joined_job(const std::vector<MergeInput>& inputs, const std::string& output) {
  toml::table job = inputs.front().job;
  for (std::size_t list = 0; list < target_lists.size(); ++list) {
    toml::array joined;
    std::set<std::string> words;
    for (const auto& input : inputs)
      for (const toml::node& entry : entries(input, list))
        if (words.insert(word(entry)).second)
          entry.visit([&](const auto& typed) { joined.push_back(typed); });
    job["targets"].as_table()->insert_or_assign(target_lists[list], std::move(joined));
  }
  if (auto* table = job["job"].as_table()) table->insert_or_assign("output", output);
  return job;
}

std::vector<TargetPlace> joined_targets(const std::vector<MergeInput>& inputs,
                                        std::vector<InputFault>& faults) {
  std::map<std::pair<TargetParts, std::string>, TargetPlace> places;
  Ids budgets;  // of all results the same, which is a setting
  std::map<std::string, std::size_t> input_of;
  bool twice = false;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    for (std::size_t row = 0; row < inputs[i].targets.size(); ++row) {
      const auto& target = inputs[i].targets[row];
      const std::string budget = budget_suffix(target);
      places[{parts_of(target), budget}] = {i, row};
      if (std::find(budgets.begin(), budgets.end(), budget) == budgets.end())
        budgets.push_back(budget);
      const auto [first, is_new] = input_of.emplace(target.id, i);
      if (is_new) continue;
      twice = true;
      faults.push_back({.file = names(inputs[first->second], inputs[i]),
                        .key = "target",
                        .value = target.id,
                        .rule = "is in both"});
    }
  if (twice) return {};

  std::array<Ids, target_lists.size()> orders;
  for (std::size_t list = 0; list < orders.size(); ++list)
    for (const auto& input : inputs)
      for (const auto& id : ids_in_order(input, list))
        if (auto& order = orders[list]; std::find(order.begin(), order.end(), id) == order.end())
          order.push_back(id);
  const auto& [devices, precisions, workloads, latencies] = orders;
  const bool skips =
      inputs.front().job["targets"]["missing_precision"].value_or(std::string()) == "skip";
  const auto lacks = [&](const std::string& device, const std::string& precision) {
    return !read_input(inputs, "device", device, read_device)
                .has(read_input(inputs, "precision", precision, read_precision).matmul);
  };
  const auto is_without_power = [&](const std::string& device) {
    return !has_powers(read_input(inputs, "device", device, read_device));
  };
  const std::string energy(to_string(model::Objective::energy));
  std::string all_names;
  for (const auto& input : inputs) all_names += (all_names.empty() ? "" : ", ") + input.file.file();
  std::vector<TargetPlace> joined;
  for (const auto& device : devices)
    for (const auto& precision : precisions) {
      if (skips && lacks(device, precision)) continue;
      for (const auto& workload : workloads)
        for (const auto& budget : budgets)
          for (const auto& latency : latencies) {
            if (skips && latency == energy && is_without_power(device)) continue;
            const TargetParts target{device, precision, workload, latency};
            if (const auto found = places.find({target, budget}); found != places.end())
              joined.push_back(found->second);
            else
              faults.push_back({.file = all_names,
                                .key = "target",
                                .value = fmt::format("{}{}", fmt::join(target, "."), budget),
                                .rule = "is in none; the targets of a job are all devices x "
                                        "precisions x workloads x latencies"});
          }
    }
  return joined;
}

}  // namespace rooflaw::io
