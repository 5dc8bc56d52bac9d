#include "rooflaw/format/claim.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "claim_holder.hpp"
#include "exclusive_file.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/format/atomic_file.hpp"

namespace rooflaw::format {

using namespace std::chrono_literals;

namespace {

/// A claim that is there.
class Found {
 public:
  /// Locks it, if nobody else does.
  explicit Found(const std::string& path) : path_(path) {
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor_ < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
      descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor_ < 0 && errno != ENOENT) fail_with_errno(path, "cannot be opened");
    if (descriptor_ < 0) return;
    locked_ = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
    held_ = !locked_ && errno == EWOULDBLOCK;
    std::array<char, 16384> text{};
    const ssize_t size = ::pread(descriptor_, text.data(), text.size(), 0);
    if (size > 0) holder_ = holder_from({text.data(), static_cast<std::size_t>(size)});
  }
  ~Found() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Found(const Found&) = delete;
  Found& operator=(const Found&) = delete;

  bool is_there() const { return descriptor_ >= 0; }
  /// Some file systems refuse every lock as if it were held.
  bool is_locked_by_another() const { return held_ && holder_ && holder_->locked; }
  const std::optional<Holder>& holder() const { return holder_; }
  Verdict judged() const {
    if (!holder_) return {false, "it is no claim that this program understands"};
    return judge(*holder_, this_process(""), locked_);
  }

  /// While this has it locked nobody else removes it, and what has its name is it. (Without locks
  /// two runs that take over one claim in the same instant could both believe to have done so; the
  /// second would be told when it confirms.)
  void remove() const {
    if (is_same_file(path_, descriptor_) && ::unlink(path_.c_str()) != 0 && errno != ENOENT)
      fail_with_errno(path_, "cannot be removed");
  }

 private:
  std::string path_;
  int descriptor_ = -1;
  bool locked_ = false;
  bool held_ = false;
  std::optional<Holder> holder_;
};

[[noreturn]] void refuse(const std::string& output, const std::string& path, const Found& found,
                         const std::string& why) {
  const std::string who = found.holder() ? description(*found.holder()) : "unknown";
  throw FileError(output, fmt::format("another run has claimed it: {}; {}. Wait for it, or write "
                                      "elsewhere; if it is surely no more, remove {}",
                                      who, why, path));
}

void write_whole(int descriptor, const std::string& text, const std::string& path) {
  const ssize_t size = ::write(descriptor, text.data(), text.size());
  if (size >= 0 && size < static_cast<ssize_t>(text.size())) errno = ENOSPC;
  if (size < static_cast<ssize_t>(text.size())) fail_with_errno(path, "cannot be written");
}

/// A second name, which only one process can give. NFS may say that it failed when it has not.
bool give_name(const ExclusiveFile& file, const std::string& path) {
  return ::link(file.name.c_str(), path.c_str()) == 0 || is_same_file(path, file.descriptor);
}

/// For a file system without links: the name itself is made exclusively, though empty for a moment.
bool make_without_links(ExclusiveFile& file, const std::string& text, const std::string& path) {
  const int named = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (named < 0 && errno != EEXIST) fail_with_errno(path, "cannot be created");
  if (named < 0) return false;
  ::close(file.descriptor);
  file.descriptor = named;
  ::flock(named, LOCK_EX | LOCK_NB);
  write_whole(named, text, path);
  return true;
}

}  // namespace

std::string claim_path(const std::string& file) { return behind_links(file) + ".claim"; }

void require_unclaimed(const std::string& output, const std::string& path) {
  const Found found(path);
  if (!found.is_there()) return;
  if (const Verdict verdict = found.judged(); !verdict.gone)
    refuse(output, path, found, verdict.why);
}

Claim::Claim(std::string output, std::string path, std::string command)
    : output_(std::move(output)), path_(std::move(path)), command_(std::move(command)) {
  take();
  remove_leftovers(path_);
}

void Claim::take() {
  // Another run may be taking over the same claim, or end in between.
  constexpr int attempts = 40;
  for (int attempt = 1; !create(); ++attempt) {
    const Found found(path_);
    if (found.is_there()) {
      const Verdict verdict = found.judged();
      if (!verdict.gone) refuse(output_, path_, found, verdict.why);
      if (!found.is_locked_by_another()) {
        found.remove();
        taken_over_ = fmt::format("{} was left by {}; {}: taken over", path_,
                                  description(*found.holder()), verdict.why);
        continue;
      }
    }
    if (attempt >= attempts) refuse(output_, path_, found, "others want it, too");
    std::this_thread::sleep_for(50ms);
  }
}

/// @returns whether it was made; not if there is one
bool Claim::create() {
  ExclusiveFile file = open_exclusively(path_);
  Holder me = this_process(command_);
  me.locked = file.locked;
  const std::string text = to_text(me);
  try {
    write_whole(file.descriptor, text, path_);
    if (!give_name(file, path_) && !make_without_links(file, text, path_)) {
      ::close(file.descriptor);
      file.descriptor = -1;
    }
  } catch (...) {
    ::close(file.descriptor);
    ::unlink(file.name.c_str());
    throw;
  }
  ::unlink(file.name.c_str());
  descriptor_ = file.descriptor;
  return descriptor_ >= 0;
}

void Claim::confirm() {
  if (is_same_file(path_, descriptor_)) return;
  ::close(descriptor_);
  descriptor_ = -1;
  take();
}

void Claim::release() {
  if (descriptor_ < 0) return;
  if (is_same_file(path_, descriptor_)) ::unlink(path_.c_str());
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace rooflaw::format
