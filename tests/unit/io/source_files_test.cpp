// Input texts: read once, carried to other ranks, fingerprinted.

#include <cstdlib>

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/io/source_files.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::io {
namespace {

using testing::TemporaryFolder;

TEST(SourceFiles, AreReadOnce) {
  const TemporaryFolder folder;
  const std::string path = folder.write("job.toml", "first");
  SourceFiles files;
  EXPECT_TRUE(files.exists(path));
  EXPECT_EQ("first", files.read(path));
  folder.write("job.toml", "second");
  EXPECT_EQ("first", files.read(path));
  std::filesystem::remove(path);
  EXPECT_EQ("first", files.read(path));
  EXPECT_TRUE(files.exists(path));
}

TEST(SourceFiles, TravelAsTheyAre) {
  const TemporaryFolder folder;
  std::string bytes;  // no valid UTF-8, zeros among them
  for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i % 256);
  const std::string odd = folder.write("odd.toml", bytes);
  const std::string empty = folder.write("empty.toml", "");
  const std::string unread = folder.write("unread.toml", "x");
  SourceFiles sender;
  sender.read(odd);
  sender.read(empty);
  SourceFiles receiver = SourceFiles::unpack(sender.pack());
  std::filesystem::remove(odd);
  EXPECT_EQ(bytes, receiver.read(odd));
  EXPECT_EQ("", receiver.read(empty));
  EXPECT_TRUE(receiver.exists(odd));
  EXPECT_FALSE(receiver.exists(unread));  // on disk, but never read by the sender
  EXPECT_THROW(receiver.read(unread), FileError);
  EXPECT_EQ(sender.pack(), receiver.pack());
}

TEST(SourceFiles, WhatCannotBeRead) {
  const TemporaryFolder folder;
  SourceFiles files;
  EXPECT_FALSE(files.exists(folder.path("none.toml")));
  EXPECT_THROW(files.read(folder.path("none.toml")), FileError);
  EXPECT_THROW(files.read(folder.path(".")), FileError);
}

/// Sets a variable of the environment and puts back what it was.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(InputsFolder, IsThatOfTheEnvironmentIfSet) {
  const TemporaryFolder folder;
  {
    const Environment set("ROOFLAW_INPUTS", folder.path("."));
    EXPECT_EQ(folder.path("."), inputs_folder());
  }
  {
    const Environment set("ROOFLAW_INPUTS", folder.path("none"));
    EXPECT_THROW(inputs_folder(), FileError);
  }
  const Environment set("ROOFLAW_INPUTS", "");
  EXPECT_TRUE(std::filesystem::exists(inputs_folder() + "/devices.toml")) << "empty is unset";
}

}  // namespace
}  // namespace rooflaw::io
