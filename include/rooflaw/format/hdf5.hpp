#pragma once
// A thin, safe hold on the HDF5 C library: handles that close themselves, columns as vectors,
// errors as FileError. Files are built in memory and handed out as bytes, sealed (seal.hpp), and
// read from disk.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <hdf5.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::format {

/// Closes its HDF5 object when it goes.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.id_), close_(other.close_) {
    other.id_ = H5I_INVALID_HID;
  }
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  hid_t id() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

using Column =
    std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>>;
using Attribute = std::variant<double, std::int64_t, std::string, std::vector<std::int64_t>>;

/// A finished file as it will stand on disk, seal included. A contiguous range of bytes, so it
/// passes as a span. They lie in the library's own memory and live as long as this does.
class Hdf5Image {
 public:
  Hdf5Image(Hdf5Handle file, std::span<const std::byte> bytes)
      : file_(std::move(file)), bytes_(bytes) {}
  const std::byte* begin() const { return bytes_.data(); }
  const std::byte* end() const { return bytes_.data() + bytes_.size(); }

 private:
  Hdf5Handle file_;
  std::span<const std::byte> bytes_;
};

class Hdf5Reader;

/// A file in memory. Groups are made as paths need them.
class Hdf5Writer {
 public:
  Hdf5Writer();

  /// Its datasets keep their order.
  void group(const std::string& path);
  /// A 1-D dataset; text columns as fixed-length UTF-8, padded with nulls.
  void column(const std::string& path, const Column& values, const std::string& unit);
  void text(const std::string& path, const std::string& value);  // scalar
  /// On the object at `path`, "/" for the file itself.
  void attribute(const std::string& path, const std::string& name, const Attribute& value);

  /// The object at `path` of another file with all below it, attributes included, to the same path.
  void copy(const Hdf5Reader& from, const std::string& path);

  /// Ends the writing. Nothing is copied: a large result need be in memory only once.
  Hdf5Image image() &&;

 private:
  Hdf5Handle file_;
};

/// Reads a sealed file; anything not as expected is a FileError that names file and object.
class Hdf5Reader {
 public:
  /// Cost: one pass over the file, for its seal.
  explicit Hdf5Reader(const std::string& path);

  const std::string& file() const { return path_; }
  hid_t id() const { return file_.id(); }
  bool has(const std::string& path) const;
  std::vector<std::string> groups(const std::string& path) const;    // names, sorted
  std::vector<std::string> datasets(const std::string& path) const;  // names, in the order written
  std::vector<std::string> attributes(const std::string& path) const;
  Column column(const std::string& path) const;
  std::string text(const std::string& path) const;
  Attribute attribute(const std::string& path, const std::string& name) const;

  /// As long as it is there, columns that were read are kept, and read from the file once only.
  class Kept {
   public:
    explicit Kept(Hdf5Reader& file) : file_(file) { file_.keeps_ = true; }
    ~Kept() {
      file_.keeps_ = false;
      file_.kept_.clear();
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

   private:
    Hdf5Reader& file_;
  };

 private:
  Hdf5Handle open_column(const std::string& path) const;
  Column read_column(const std::string& path) const;
  [[noreturn]] void fail(const std::string& object, const std::string& what) const;

  std::string path_;
  Hdf5Handle file_;
  std::uintmax_t size_;  // bytes
  bool keeps_ = false;
  mutable std::map<std::string, Column> kept_;
  // The group of the last column: the way there from the root takes longer than the column.
  mutable std::string group_;
  mutable std::optional<Hdf5Handle> group_handle_;
};

/// Values whose type is known. @throws FileError if they are of another, or not there
template <class T>
T attribute_as(const Hdf5Reader& file, const std::string& path, const std::string& name) {
  const Attribute attribute = file.attribute(path, name);
  const auto* typed = std::get_if<T>(&attribute);
  if (typed == nullptr)
    throw FileError(file.file(), path + "@" + name + ": has an unexpected type");
  return *typed;
}
template <class T>
std::vector<T> column_as(const Hdf5Reader& file, const std::string& path) {
  Column column = file.column(path);
  auto* typed = std::get_if<std::vector<T>>(&column);
  if (typed == nullptr) throw FileError(file.file(), path + ": has an unexpected type");
  return std::move(*typed);
}

}  // namespace rooflaw::format
