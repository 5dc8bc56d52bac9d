// A file is replaced whole or stays as it was.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::format {
namespace {

using testing::file_text;
using testing::TemporaryFolder;

void write(const std::string& path, const std::string& text) {
  write_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

TEST(WriteAtomically, CreatesAndReplacesWhole) {
  const TemporaryFolder folder;
  const std::string path = folder.path("result.h5");
  write(path, "first, and rather long");
  EXPECT_EQ("first, and rather long", file_text(path));
  write(path, "second");
  EXPECT_EQ("second", file_text(path));
  write(path, "");
  EXPECT_EQ("", file_text(path));
  const std::string large(5'000'000, 'x');
  write(path, large);
  EXPECT_EQ(large, file_text(path));
  EXPECT_EQ(1u, folder.files());  // no temporary file is left
}

TEST(WriteAtomically, ReadersKeepTheFileTheyOpened) {
  const TemporaryFolder folder;
  const std::string path = folder.write("result.h5", "old");
  std::ifstream reader(path);
  write(path, "new and longer");
  std::string seen;
  std::getline(reader, seen);
  EXPECT_EQ("old", seen);
  EXPECT_EQ("new and longer", file_text(path));
}

TEST(WriteAtomically, AFolderThatVanishedLeavesTheOldFile) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("real"));
  std::filesystem::create_directory_symlink(folder.path("real"), folder.path("link"));
  const std::string path = folder.path("link/result.h5");
  write(path, "old");
  std::filesystem::remove(folder.path("link"));
  EXPECT_THROW(write(path, "new"), FileError);
  EXPECT_EQ("old", file_text(folder.path("real/result.h5")));
  EXPECT_FALSE(std::filesystem::exists(folder.path("link")));
}

TEST(WriteAtomically, RefusesALinkThatLeadsBackToItself) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("b", folder.path("a"));
  std::filesystem::create_symlink("a", folder.path("b"));
  EXPECT_THROW(write(folder.path("a"), "new"), FileError);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("a")));
}

/// Files of this process may not grow beyond `bytes`: what a full disk does to a write.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(WriteAtomically, ADiskThatFillsUpLeavesTheOldFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("result.h5", "old");
  {
    const SmallDisk disk(1000);
    EXPECT_THROW(write(path, std::string(100'000, 'x')), FileError);
  }
  EXPECT_EQ("old", file_text(path));
  EXPECT_EQ(1u, folder.files());
  write(path, "new");
  EXPECT_EQ("new", file_text(path));
}

TEST(WriteAtomically, AFolderIsNoFile) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("dir"));
  EXPECT_THROW(write(folder.path("dir"), "x"), FileError);
  EXPECT_TRUE(std::filesystem::is_directory(folder.path("dir")));
  EXPECT_THROW(write(folder.path("dir/none/file"), "x"), FileError);
}

TEST(WriteAtomically, APipeIsNoFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path("pipe");
  ASSERT_EQ(0, ::mkfifo(path.c_str(), 0600));
  EXPECT_THROW(write(path, "x"), FileError);
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  EXPECT_THROW(write("/dev/null", "x"), FileError);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(RequireWritable, SaysSoBeforeTheRun) {
  const TemporaryFolder folder;
  const std::string path = folder.write("result.h5", "old");
  EXPECT_NO_THROW(require_writable(path));
  EXPECT_EQ("old", file_text(path));  // and touches nothing
  EXPECT_NO_THROW(require_writable(folder.path("fresh.h5")));
  EXPECT_EQ(1u, folder.files());
  EXPECT_THROW(require_writable(folder.path("none/result.h5")), FileError);
  std::filesystem::create_directory(folder.path("dir"));
  EXPECT_THROW(require_writable(folder.path("dir")), FileError);
}

TEST(AtomicFiles, ComeToTheirNamesTogether) {
  const TemporaryFolder folder;
  const std::string old = folder.write("old.csv", "old");
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  {
    AtomicFiles files;
    files.add(old, bytes("new"));
    files.add(folder.path("other.csv"), bytes("other"));
    EXPECT_EQ("old", file_text(old));
    EXPECT_FALSE(std::filesystem::exists(folder.path("other.csv")));
  }
  EXPECT_EQ(1u, folder.files()) << "what is not kept leaves nothing";
  AtomicFiles files;
  files.add(old, bytes("new"));
  files.add(folder.path("other.csv"), bytes("other"));
  files.keep();
  EXPECT_EQ("new", file_text(old));
  EXPECT_EQ("other", file_text(folder.path("other.csv")));
  EXPECT_EQ(2u, folder.files());
}

// A number that another process has by now says nothing; the lock of a living writer does.
TEST(RemoveLeftovers, TakesWhatNobodyWrites) {
  const TemporaryFolder folder;
  const std::string path = folder.path("result.h5");
  const std::string of_the_dead = folder.write("result.h5.tmp.n1-0123456789abcdef", "");
  const std::string written = folder.write("result.h5.tmp.n_2-0123456789abcdef", "");
  const std::vector<std::string> of_others{
      folder.write("result.h5.tmp.notes", ""),
      folder.write("result.h5.tmp.n1-0123456789abcde", ""),
      folder.write("result.h5.tmp.-0123456789abcdef", ""),
      folder.write("other.h5.tmp.n1-0123456789abcdef", ""),
      folder.write("my-result.h5.tmp.n1-0123456789abcdef", ""),
      folder.write("result.h5.tmp.n1-0123456789abcdef.txt", "")};
  const int writer = ::open(written.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(0, ::flock(writer, LOCK_EX));
  remove_leftovers(path);
  EXPECT_FALSE(std::filesystem::exists(of_the_dead));
  EXPECT_TRUE(std::filesystem::exists(written));
  ::close(writer);
  remove_leftovers(path);
  EXPECT_FALSE(std::filesystem::exists(written));
  for (const auto& file : of_others) EXPECT_TRUE(std::filesystem::exists(file)) << file;
}

}  // namespace
}  // namespace rooflaw::format
