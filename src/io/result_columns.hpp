#pragma once
// Which field of which type a dataset or an attribute of a result is: one entry for each, with its
// name and unit, by which it is written and read. Those of a Row stand beside it (search/row.hpp).

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/search/result.hpp"

namespace rooflaw::io {

/// A column of a table of `Entry`.
template <class Entry>
struct TableColumn {
  const char* name;
  const char* unit;
  std::function<format::Column(const std::vector<Entry>& entries)> values;
  /// The dataset `path` into the entries; the first column makes them.
  std::function<void(const format::Hdf5Reader& file, const std::string& path,
                     std::optional<std::vector<Entry>>& entries)>
      read;
  std::vector<std::string> words{};  // all that there may be, of a column of few; empty: no such
};

/// An attribute of a group that an `Entry` is.
template <class Entry>
struct EntryAttribute {
  std::function<void(format::Hdf5Writer& file, const std::string& group, const Entry& entry)> write;
  std::function<void(const format::Hdf5Reader& file, const std::string& group, Entry& entry)> read;
};

const std::vector<TableColumn<search::Row>>& row_columns();
const std::vector<TableColumn<theory::Sensitivity>>& sensitivity_columns();
const std::vector<TableColumn<search::TheoryRow>>& theory_columns();
const std::vector<TableColumn<model::Intensity>>& intensity_columns();
const std::vector<TableColumn<search::TargetInfo>>& target_columns();
const std::vector<TableColumn<search::ResampleRow>>& resample_columns();
const std::vector<TableColumn<search::OpinionRow>>& opinion_columns();
const std::vector<TableColumn<search::Choice>>& choice_columns();
const std::vector<EntryAttribute<search::Resamples>>& resample_attributes();
const std::vector<EntryAttribute<search::Opinion>>& opinion_attributes();
const std::vector<EntryAttribute<search::TargetResult>>& frontier_attributes();
const std::vector<EntryAttribute<search::InRange>>& in_range_attributes();
const std::vector<EntryAttribute<search::Improvements>>& refined_attributes();
const std::vector<EntryAttribute<StudyRecord>>& study_attributes();

/// A run of the rows of a group with a dataset a column. Words of /targets, which has a row a
/// target, stay texts.
template <class Entry>
void write_rows(format::Hdf5Writer& file, const std::string& group,
                const std::vector<TableColumn<Entry>>& columns, const std::vector<Entry>& entries,
                const format::Run& run) {
  if (run.first == 0)
    file.table(group, run.of);
  else if (entries.empty())
    return;
  for (const auto& column : columns) {
    const std::string path = group + "/" + column.name;
    const format::Column values = column.values(entries);
    if (column.words.empty())
      file.column(path, values, column.unit, run);
    else
      file.words(path, std::get<std::vector<std::string>>(values), column.words, run);
  }
}
template <class Entry>
void write_table(format::Hdf5Writer& file, const std::string& group,
                 const std::vector<TableColumn<Entry>>& columns,
                 const std::vector<Entry>& entries) {
  write_rows(file, group, columns, entries, {.first = 0, .of = entries.size()});
}

/// @throws FileError if a column is missing, of another type or length, or has a word that is none
template <class Entry>
std::vector<Entry> read_table(const format::Hdf5Reader& file, const std::string& group,
                              const std::vector<TableColumn<Entry>>& columns) {
  std::optional<std::vector<Entry>> entries;
  for (const auto& column : columns) column.read(file, group + "/" + column.name, entries);
  return std::move(*entries);
}

template <class Entry>
void write_attributes(format::Hdf5Writer& file, const std::string& group,
                      const std::vector<EntryAttribute<Entry>>& attributes, const Entry& entry) {
  for (const auto& attribute : attributes) attribute.write(file, group, entry);
}

/// @throws FileError if one is missing, of another type, or has a word that is none
template <class Entry>
void read_attributes(const format::Hdf5Reader& file, const std::string& group,
                     const std::vector<EntryAttribute<Entry>>& attributes, Entry& entry) {
  for (const auto& attribute : attributes) attribute.read(file, group, entry);
}

}  // namespace rooflaw::io
