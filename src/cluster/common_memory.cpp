#include "common_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include <fmt/format.h>

namespace rooflaw::cluster {

namespace {

/// What tells this memory from other processes' files of the same number: before the bytes.
struct Stamp {
  std::uint64_t number = 0, bytes = 0;
};
constexpr std::size_t before_bytes = 64;

/// Where it is. A process of another namespace has no such file, or one with another stamp.
struct Place {
  std::int64_t process = 0;
  std::int64_t file = 0;  // -1: there is none
  std::uint64_t number = 0;
};
template <class Archive>
void fields(Archive& a, Place& x) {
  a(x.process, x.file, x.number);
}

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

/// Null: it cannot be had.
std::shared_ptr<std::byte[]> mapped(int file, std::size_t bytes) {
  const std::size_t size = before_bytes + bytes;
  void* memory =
      file < 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return nullptr;
  return {static_cast<std::byte*>(memory), [size](std::byte* start) { ::munmap(start, size); }};
}

std::shared_ptr<std::byte[]> seen_at(const Place& place, std::size_t bytes) {
  if (place.file < 0) return nullptr;
  const File file(
      ::open(fmt::format("/proc/{}/fd/{}", place.process, place.file).c_str(), O_RDWR | O_CLOEXEC));
  struct stat status {};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0 ||
      static_cast<std::size_t>(status.st_size) != before_bytes + bytes)
    return nullptr;
  auto memory = mapped(file.number(), bytes);
  if (!memory) return nullptr;
  const auto& stamp = *reinterpret_cast<const Stamp*>(memory.get());
  if (stamp.number != place.number || stamp.bytes != bytes) return nullptr;
  return memory;
}

class Node {
 public:
  Node(Communicator& ranks, Watch& watch) : ranks_(ranks), watch_(watch) {
    const TreePlace& tree = ranks.tree();
    below_.assign(tree.below.begin(),
                  tree.below.begin() + static_cast<std::ptrdiff_t>(tree.below_on_node));
    above_ = tree.first_of_node ? -1 : tree.above;
  }
  bool alone() const { return is_first() && below_.empty(); }
  bool is_first() const { return above_ < 0; }

  /// The first one's value on all.
  template <class T>
  void tell(T& value) {
    if (!is_first()) value = unpacked<T>(next());
    for (const int rank : below_) ranks_.send(rank, Tag::common, packed(value));
  }
  /// On the first one: do all say so?
  bool all(bool here) {
    for (std::size_t i = 0; i < below_.size(); ++i) here = unpacked<bool>(next()) && here;
    if (!is_first()) ranks_.send(above_, Tag::common, packed(here));
    return here;
  }

 private:
  Bytes next() {
    const auto since = std::chrono::steady_clock::now();
    for (BackOff back_off;; back_off.pause()) {
      if (auto message = ranks_.poll(Tag::common)) return std::move(message->bytes);
      watch_.look();
      watch_.waiting(since);
    }
  }
  Communicator& ranks_;
  Watch& watch_;
  std::vector<int> below_;
  int above_;
};

}  // namespace

std::shared_ptr<std::byte[]> common_memory(
    std::size_t bytes, const std::function<void(std::span<std::byte>)>& make_ready,
    Communicator& ranks, Watch& watch) {
  Node node(ranks, watch);
  if (bytes == 0 || node.alone()) return nullptr;
  const File file(node.is_first() ? ::memfd_create("rooflaw", MFD_CLOEXEC) : -1);
  Place place{.process = ::getpid(), .file = -1};
  std::shared_ptr<std::byte[]> memory;
  if (node.is_first() && file.number() >= 0 &&
      ::ftruncate(file.number(), static_cast<off_t>(before_bytes + bytes)) == 0 &&
      (memory = mapped(file.number(), bytes))) {
    std::random_device random;
    place.number = (std::uint64_t{random()} << 32) | random();
    place.file = file.number();
    *reinterpret_cast<Stamp*>(memory.get()) = {place.number, bytes};
    make_ready({memory.get() + before_bytes, bytes});
  }
  node.tell(place);
  if (!node.is_first()) memory = seen_at(place, bytes);
  bool usable = node.all(memory != nullptr);
  node.tell(usable);
  if (usable) return {memory, memory.get() + before_bytes};
  if (node.is_first())
    watch.tell_once(
        {"memory",
         fmt::format("the ranks of rank {}'s node have no memory in common (containers of "
                     "their own?): they tell each other by messages, which takes longer",
                     ranks.rank()),
         {{"rank", std::int64_t{ranks.rank()}}}});
  return nullptr;
}

}  // namespace rooflaw::cluster
