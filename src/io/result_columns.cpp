#include "result_columns.hpp"

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

namespace rooflaw::io {

namespace {

using format::Hdf5Reader;
using format::Hdf5Writer;

std::optional<model::AttentionKind> value_of(const std::string& word, model::AttentionKind) {
  return model::attention_kind_from(word);
}
std::optional<model::FfnKind> value_of(const std::string& word, model::FfnKind) {
  return model::ffn_kind_from(word);
}
std::optional<model::Objective> value_of(const std::string& word, model::Objective) {
  return model::objective_from(word);
}
std::optional<model::ComputeType> value_of(const std::string& word, model::ComputeType) {
  return model::compute_type_from(word);
}

/// How a file has a value: numbers and texts as they are, bool as 0 or 1, kinds as words.
double stored(double x) { return x; }
std::int64_t stored(std::int64_t x) { return x; }
std::int64_t stored(bool x) { return x ? 1 : 0; }
const std::string& stored(const std::string& x) { return x; }
template <class Kind>
requires std::is_enum_v<Kind> std::string stored(Kind kind) { return std::string(to_string(kind)); }
template <class T>
using Stored = std::decay_t<decltype(stored(std::declval<const T&>()))>;

/// The inverse of `stored`. @throws FileError, naming `object`, if there is none
template <class T>
T restored(Stored<T> x, const Hdf5Reader& file, const std::string& object) {
  if constexpr (std::is_enum_v<T>) {
    if (const auto kind = value_of(x, T{})) return *kind;
    throw FileError(file.file(), fmt::format("{}: \"{}\" is not a word it can have", object, x));
  } else if constexpr (std::is_same_v<T, bool>) {
    if (x == 0 || x == 1) return x == 1;
    throw FileError(file.file(), fmt::format("{}: {} is neither 0 nor 1", object, x));
  } else {
    return x;
  }
}

template <class Class, class Member>
Class class_of(Member Class::*);

/// The field at the end of a path of members.
template <auto... path>
const auto& field(const auto& entry) {
  return (entry.*....*path);
}
template <auto... path>
auto& field(auto& entry) {
  return (entry.*....*path);
}

template <auto first, auto... rest>
auto column(const char* name, const char* unit) {
  using Entry = decltype(class_of(first));
  using T = std::decay_t<decltype(field<first, rest...>(std::declval<Entry&>()))>;
  return TableColumn<Entry>{
      name, unit,
      [](const std::vector<Entry>& entries) -> format::Column {
        std::vector<Stored<T>> values;
        values.reserve(entries.size());
        for (const auto& entry : entries) values.push_back(stored(field<first, rest...>(entry)));
        return values;
      },
      [](const Hdf5Reader& file, const std::string& path,
         std::optional<std::vector<Entry>>& entries) {
        auto values = format::column_as<Stored<T>>(file, path);
        if (!entries) entries.emplace(values.size());
        if (values.size() != entries->size())
          throw FileError(file.file(), path + ": is not as long as the columns before it");
        for (std::size_t i = 0; i < values.size(); ++i)
          field<first, rest...>((*entries)[i]) = restored<T>(std::move(values[i]), file, path);
      }};
}

template <class T>
void write_attribute(Hdf5Writer& file, const std::string& group, const char* name, const T& x) {
  file.attribute(group, name, stored(x));
}
template <class T>
void read_attribute(const Hdf5Reader& file, const std::string& group, const char* name, T& x) {
  x = restored<T>(format::attribute_as<Stored<T>>(file, group, name), file, group + "@" + name);
}
/// Absent is not there.
template <class T>
void write_attribute(Hdf5Writer& file, const std::string& group, const char* name,
                     const std::optional<T>& x) {
  if (x) write_attribute(file, group, name, *x);
}
template <class T>
void read_attribute(const Hdf5Reader& file, const std::string& group, const char* name,
                    std::optional<T>& x) {
  const auto names = file.attributes(group);
  x.reset();
  if (std::find(names.begin(), names.end(), name) != names.end())
    read_attribute(file, group, name, x.emplace());
}

template <auto first, auto... rest>
auto attribute(const char* name) {
  using Entry = decltype(class_of(first));
  return EntryAttribute<Entry>{
      name,
      [](Hdf5Writer& file, const std::string& group, const char* its_name, const Entry& entry) {
        write_attribute(file, group, its_name, field<first, rest...>(entry));
      },
      [](const Hdf5Reader& file, const std::string& group, const char* its_name, Entry& entry) {
        read_attribute(file, group, its_name, field<first, rest...>(entry));
      }};
}

}  // namespace

const std::vector<TableColumn<search::Row>>& row_columns() {
  using R = search::Row;
  static const std::vector columns{
      column<&R::latency_s>("latency_s", "s"),
      column<&R::loss>("loss", "nat/token"),
      column<&R::perplexity>("perplexity", "1"),
      column<&R::prefill_s>("prefill_s", "s"),
      column<&R::decode_s>("decode_s", "s"),
      column<&R::tpot_s>("tpot_s", "s/token"),
      column<&R::memory_bytes>("memory_bytes", "B"),
      column<&R::params_total>("params_total", "1"),
      column<&R::params_active>("params_active", "1"),
      column<&R::layers>("layers", "1"),
      column<&R::width>("width", "1"),
      column<&R::heads>("heads", "1"),
      column<&R::head_dim>("head_dim", "1"),
      column<&R::attention>("attention", ""),
      column<&R::kv_heads>("kv_heads", "1"),
      column<&R::q_lora_rank>("q_lora_rank", "1"),
      column<&R::kv_lora_rank>("kv_lora_rank", "1"),
      column<&R::qk_nope_head_dim>("qk_nope_head_dim", "1"),
      column<&R::qk_rope_head_dim>("qk_rope_head_dim", "1"),
      column<&R::v_head_dim>("v_head_dim", "1"),
      column<&R::ffn>("ffn", ""),
      column<&R::expert_ffn>("expert_ffn", "1"),
      column<&R::experts>("experts", "1"),
      column<&R::top_k>("top_k", "1"),
      column<&R::shared_ffn>("shared_ffn", "1"),
      column<&R::ffn_sparsity>("ffn_sparsity", "1"),
      column<&R::ffn_ratio>("ffn_ratio", "1"),
      column<&R::activation_rate>("activation_rate", "1"),
      column<&R::index>("index", "1"),
      column<&R::extrapolated>("extrapolated", "1"),
      column<&R::prefill_compute_share>("prefill_compute_share", "1"),
      column<&R::prefill_bandwidth_share>("prefill_bandwidth_share", "1"),
      column<&R::decode_compute_share>("decode_compute_share", "1"),
      column<&R::decode_bandwidth_share>("decode_bandwidth_share", "1")};
  return columns;
}

const std::vector<TableColumn<theory::Sensitivity>>& sensitivity_columns() {
  using S = theory::Sensitivity;
  static const std::vector columns{
      column<&S::dloss_dlayers>("dloss_dlayers", "nat"),
      column<&S::dloss_dwidth>("dloss_dwidth", "nat"),
      column<&S::dloss_dffn_ratio>("dloss_dffn_ratio", "nat"),
      column<&S::dloss_dactivation_rate>("dloss_dactivation_rate", "nat"),
      column<&S::dloss_dkv_dim>("dloss_dkv_dim", "nat"),
      column<&S::exchange_layers>("exchange_layers", "nat/s"),
      column<&S::exchange_width>("exchange_width", "nat/s"),
      column<&S::exchange_ffn_ratio>("exchange_ffn_ratio", "nat/s"),
      column<&S::exchange_kv_dim>("exchange_kv_dim", "nat/s"),
      column<&S::elasticity_compute>("elasticity_compute", "1"),
      column<&S::elasticity_bandwidth>("elasticity_bandwidth", "1"),
      column<&S::elasticity_overhead>("elasticity_overhead", "1"),
      column<&S::worth_compute>("worth_compute", "nat/%"),
      column<&S::worth_bandwidth>("worth_bandwidth", "nat/%"),
      column<&S::worth_memory>("worth_memory", "nat/%")};
  return columns;
}

const std::vector<TableColumn<search::TheoryRow>>& theory_columns() {
  using R = search::TheoryRow;
  using S = theory::Shape;
  static const std::vector columns{
      column<&R::shape, &S::layers>("layers", "1"),
      column<&R::shape, &S::width>("width", "1"),
      column<&R::shape, &S::ffn_ratio>("ffn_ratio", "1"),
      column<&R::shape, &S::gqa>("gqa", "1"),
      column<&R::shape, &S::activation_rate>("activation_rate", "1"),
      column<&R::loss>("loss", "nat/token"),
      column<&R::binding>("binding", ""),
      column<&R::search_minus_theory_loss>("search_minus_theory_loss", "nat/token")};
  return columns;
}

const std::vector<TableColumn<search::TargetInfo>>& target_columns() {
  using I = search::TargetInfo;
  static const std::vector columns{column<&I::id>("id", ""),
                                   column<&I::device>("device", ""),
                                   column<&I::precision>("precision", ""),
                                   column<&I::workload>("workload", ""),
                                   column<&I::objective>("latency", ""),
                                   column<&I::memory_budget_bytes>("memory_budget_bytes", "B"),
                                   column<&I::calibrated>("calibrated", "1"),
                                   column<&I::attention_type>("attention_type", ""),
                                   column<&I::device_confidence>("device_confidence", "")};
  return columns;
}

const std::vector<EntryAttribute<search::TargetResult>>& frontier_attributes() {
  using R = search::TargetResult;
  using H = search::HypervolumeReference;
  static const std::vector attributes{
      attribute<&R::hypervolume>("hypervolume"),
      attribute<&R::reference, &H::latency_s>("reference_latency_s"),
      attribute<&R::reference, &H::loss>("reference_loss"),
      attribute<&R::certified>("certified"),
      attribute<&R::loss_gap_bound>("loss_gap_bound"),
      attribute<&R::hypervolume_share>("hypervolume_share")};
  return attributes;
}

const std::vector<EntryAttribute<search::Improvements>>& refined_attributes() {
  static const std::vector attributes{
      attribute<&search::Improvements::hypervolume_gain>("hypervolume_gain")};
  return attributes;
}

const std::vector<EntryAttribute<StudyRecord>>& study_attributes() {
  using R = StudyRecord;
  static const std::vector attributes{attribute<&R::program_version>("program_version"),
                                      attribute<&R::git_commit>("git_commit"),
                                      attribute<&R::job_toml>("job_toml"),
                                      attribute<&R::strategy>("strategy"),
                                      attribute<&R::seed>("seed"),
                                      attribute<&R::points_in_space>("points_in_space")};
  return attributes;
}

}  // namespace rooflaw::io
