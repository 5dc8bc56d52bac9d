#pragma once
// How a field of a struct becomes a column or an attribute of a result, and back; see
// result_columns.hpp.

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

#include "result_columns.hpp"

namespace rooflaw::io {

using format::Hdf5Reader;
using format::Hdf5Writer;

inline std::optional<model::AttentionKind> value_of(const std::string& word, model::AttentionKind) {
  return model::attention_kind_from(word);
}
inline std::optional<model::FfnKind> value_of(const std::string& word, model::FfnKind) {
  return model::ffn_kind_from(word);
}
inline std::optional<model::Objective> value_of(const std::string& word, model::Objective) {
  return model::objective_from(word);
}
inline std::optional<model::Basis> value_of(const std::string& word, model::Basis) {
  return model::basis_from(word);
}
inline std::optional<model::ComputeType> value_of(const std::string& word, model::ComputeType) {
  return model::compute_type_from(word);
}
inline std::optional<search::Binding> value_of(const std::string& word, search::Binding) {
  return search::binding_from(word);
}

/// How a file has a value: numbers and texts as they are, bool as 0 or 1, kinds as words.
inline double stored(double x) { return x; }
inline std::int64_t stored(std::int64_t x) { return x; }
inline std::int64_t stored(bool x) { return x ? 1 : 0; }
inline const std::string& stored(const std::string& x) { return x; }
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

/// The field at the end of a path of members.
template <class Entry, class Member>
auto& at(Entry& entry, Member member) {
  return entry.*member;
}
template <class Entry, class Member, class... Rest>
auto& at(Entry& entry, Member member, Rest... rest) {
  return at(entry.*member, rest...);
}

/// All words of a kind.
template <class Kind, std::size_t n>
std::vector<std::string> words_of(const Kind (&kinds)[n]) {
  std::vector<std::string> words;
  for (const Kind kind : kinds) words.emplace_back(to_string(kind));
  return words;
}
inline std::vector<std::string> words_of(model::AttentionKind) {
  using enum model::AttentionKind;
  return words_of({gqa, mla, recurrent, none});
}
inline std::vector<std::string> words_of(model::FfnKind) {
  using enum model::FfnKind;
  return words_of({gated, plain, none});
}

/// The same column as words of a list.
template <class Entry>
TableColumn<Entry> of_words(TableColumn<Entry> column, std::vector<std::string> words) {
  column.words = std::move(words);
  return column;
}

template <class Entry, class T, class... Rest>
TableColumn<Entry> column(const char* name, const char* unit, T Entry::*first, Rest... rest) {
  using Value = std::decay_t<decltype(at(std::declval<Entry&>(), first, rest...))>;
  return {name, unit,
          [=](const std::vector<Entry>& entries) -> format::Column {
            std::vector<Stored<Value>> values;
            values.reserve(entries.size());
            for (const auto& entry : entries) values.push_back(stored(at(entry, first, rest...)));
            return values;
          },
          [=](const Hdf5Reader& file, const std::string& path,
              std::optional<std::vector<Entry>>& entries) {
            auto values = format::column_as<Stored<Value>>(file, path);
            if (!entries) entries.emplace(values.size());
            if (values.size() != entries->size())
              throw FileError(file.file(), path + ": is not as long as the columns before it");
            for (std::size_t i = 0; i < values.size(); ++i)
              at((*entries)[i], first, rest...) = restored<Value>(std::move(values[i]), file, path);
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

template <class Entry, class T, class... Rest>
EntryAttribute<Entry> attribute(const char* name, T Entry::*first, Rest... rest) {
  return {[=](Hdf5Writer& file, const std::string& group, const Entry& entry) {
            write_attribute(file, group, name, at(entry, first, rest...));
          },
          [=](const Hdf5Reader& file, const std::string& group, Entry& entry) {
            read_attribute(file, group, name, at(entry, first, rest...));
          }};
}

}  // namespace rooflaw::io
