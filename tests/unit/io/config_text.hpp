#pragma once
// Texts of config.json for tests: the published ones beside the tests, and a small one to vary.

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/error.hpp"
#include "rooflaw/io/config_json.hpp"

namespace rooflaw::io {

inline const std::string configs = std::string(ROOFLAW_TEST_DIR) + "/unit/io/configs/";

inline std::string published_text(const std::string& id) {
  std::ifstream file(configs + id + ".json");
  EXPECT_TRUE(file.good()) << id;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline nlohmann::json published(const std::string& id) {
  std::string text = published_text(id);
  for (std::size_t at = 0; (at = text.find("Infinity", at)) != std::string::npos;)
    text.replace(at, 8, "1e300");
  return nlohmann::json::parse(text);
}

inline ConfigModel read_config(const nlohmann::json& config) {
  return read_config_json(config.dump(), "folder/config.json");
}

/// The faults of a config, a line each.
inline std::string faults_in(std::string_view text) {
  try {
    read_config_json(text, "folder/config.json");
  } catch (const InputError& e) {
    return e.what();
  }
  return "none";
}
inline std::string faults_of(const nlohmann::json& config) { return faults_in(config.dump()); }

}  // namespace rooflaw::io
