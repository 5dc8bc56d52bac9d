#pragma once
// Texts of measurements for tests, read without a disk but for the tables of the program.

#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/io/measurements.hpp"

namespace rooflaw::io {

inline SourceFiles with_inputs(std::map<std::string, std::string> texts) {
  SourceFiles disk;
  for (const char* kind : {"device", "model", "precision", "quantisation"}) {
    const std::string path = inputs_folder() + "/" + kind + "s.toml";
    texts[path] = disk.read(path);
    texts[std::filesystem::absolute(path).string()] = disk.read(path);
  }
  return SourceFiles::in_memory(std::move(texts));
}

inline Measurements read_texts(const std::map<std::string, std::string>& texts,
                               const MeasurementOptions& options = {}) {
  auto files = with_inputs(texts);
  format::Faults faults;
  std::vector<std::string> paths;
  for (const auto& [path, text] : texts) paths.push_back(path);
  auto all = read_measurements(paths, options, files, faults);
  faults.throw_if_any();
  return all;
}

/// The faults of files, a line each; "none".
inline std::string measured_faults(const std::map<std::string, std::string>& texts,
                                   const MeasurementOptions& options = {}) {
  try {
    read_texts(texts, options);
  } catch (const InputError& e) {
    return e.what();
  }
  return "none";
}

}  // namespace rooflaw::io
