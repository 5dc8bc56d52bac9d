#pragma once
// A job from a text, as a benchmark makes it.

#include <unistd.h>

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "rooflaw/io/job_file.hpp"

namespace rooflaw::bench {

inline io::Job read_job_text(const std::string& text) {
  io::SourceFiles files;
  const std::string path = fmt::format("/tmp/rooflaw_bench_{}.toml", ::getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fputs(text.c_str(), file);
  std::fclose(file);
  io::Job job = io::read_job(files, path, {}, io::OutputKey::optional);
  std::remove(path.c_str());
  return job;
}

}  // namespace rooflaw::bench
