#pragma once
// A thin, safe hold on the HDF5 C library: handles that close themselves, columns as vectors,
// errors as FileError. What is written is plain HDF5 that every reader opens: hard links,
// contiguous columns with a dimension scale a group, sealed behind its end (seal.hpp). Nothing else
// is read.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <hdf5.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/seal.hpp"

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

/// Cells of a column that is written a run at a time: those from `first` on, of `of` in all. The run
/// from 0 on makes the column.
struct Run {
  std::size_t first = 0;
  std::size_t of = 0;
};

/// Where the bytes of a file are.
class Hdf5Store;

/// Groups are made as paths need them.
class Hdf5Writer {
 public:
  Hdf5Writer();  // in memory
  explicit Hdf5Writer(std::unique_ptr<Hdf5Store> store);
  Hdf5Writer(Hdf5Writer&&) noexcept;
  ~Hdf5Writer();

  /// Its datasets keep their order.
  void group(const std::string& path);
  /// The same, of `rows` rows: with the dataset `point`, 0 and up, the scale of its columns.
  void table(const std::string& path, std::size_t rows);
  /// A 1-D dataset; texts of any length. In a group made by `table` it gets the group's scale.
  void column(const std::string& path, const Column& values, const std::string& unit,
              std::optional<Run> run = {});
  /// A column of few words: a number a cell, by CF's flag_values and flag_meanings.
  /// @throws Error for one that is not among `words`
  void words(const std::string& path, const std::vector<std::string>& values,
             const std::vector<std::string>& words, std::optional<Run> run = {});
  void text(const std::string& path, const std::string& value);  // scalar
  /// On the object at `path`, "/" for the file itself.
  void attribute(const std::string& path, const std::string& name, const Attribute& value);

  /// Ends the writing. @returns the store, which holds the whole file
  std::unique_ptr<Hdf5Store> finish() &&;
  /// Ends the writing of a file in memory. @returns its bytes and the seal behind them
  std::vector<std::byte> image() &&;

 private:
  Hdf5Handle dataset(const std::string& path, hid_t type, hid_t space);
  void write_run(const std::string& path, hid_t type, std::size_t count, const void* cells,
                 const Run& run);

  std::unique_ptr<Hdf5Store> store_;  // outlives the file
  std::optional<Hdf5Handle> file_;
  std::string table_;  // group of the last `table`, with a slash
  std::optional<Hdf5Handle> scale_;
};

/// A file on disk, written as it comes: to a temporary file, which gets its name when it is whole.
class Hdf5File {
 public:
  /// @throws FileError if none can be made beside `path`
  explicit Hdf5File(const std::string& path);
  ~Hdf5File();

  Hdf5Writer& writer() { return *writer_; }
  /// Ends the writing: seal, sync, last look, rename. @throws FileError; what was at the path is
  /// then as it was
  void keep(const std::function<void()>& last_look = {});

 private:
  std::string path_;
  std::unique_ptr<AtomicFile> file_;
  std::optional<Hdf5Writer> writer_;
};

/// Reads a sealed file; anything not as expected is a FileError that names file and object.
class Hdf5Reader {
 public:
  /// Cost: reads the file whole, and its seal; what happens to it later does not matter.
  explicit Hdf5Reader(const std::string& path, Seal seal = Seal::required);
  Hdf5Reader(Hdf5Reader&&) noexcept;
  ~Hdf5Reader();

  const std::string& file() const { return path_; }
  bool has(const std::string& path) const;
  std::vector<std::string> groups(const std::string& path) const;  // names, sorted
  /// Names of columns, in the order written; not the scale.
  std::vector<std::string> datasets(const std::string& path) const;
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
  Hdf5Handle open_set(const std::string& path) const;
  std::vector<std::string> meant(const std::string& path,
                                 const std::vector<std::int64_t>& numbers) const;
  void require_hard(const std::string& path) const;
  Column read_column(const std::string& path) const;
  [[noreturn]] void fail(const std::string& object, const std::string& what) const;

  std::string path_;
  std::unique_ptr<Hdf5Store> store_;  // outlives the file
  Hdf5Handle file_;
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
