#pragma once
// Where the bytes of an HDF5 file are: in memory, or in a file that is open already. The library
// reaches them through a driver of our own, since its drivers cannot do two things: read bytes
// whose seal was checked, without a second copy, and survive a full disk, after which the library
// cannot close its file any more.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::format {

class Hdf5Store {
 public:
  virtual ~Hdf5Store() = default;
  /// False if there are not as many bytes.
  virtual bool read(std::uint64_t address, std::span<std::byte> into) = 0;
  virtual void write(std::uint64_t address, std::span<const std::byte> bytes) = 0;
  virtual void resize(std::uint64_t size) = 0;
  virtual std::uint64_t size() const = 0;
};

class MemoryStore : public Hdf5Store {
 public:
  MemoryStore() = default;
  explicit MemoryStore(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  bool read(std::uint64_t address, std::span<std::byte> into) override;
  void write(std::uint64_t address, std::span<const std::byte> bytes) override;
  void resize(std::uint64_t size) override { bytes_.resize(size); }
  std::uint64_t size() const override { return bytes_.size(); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Of an open file. The first write that fails is remembered; the library hears nothing of it.
class DescriptorStore : public Hdf5Store {
 public:
  explicit DescriptorStore(int descriptor) : descriptor_(descriptor) {}
  bool read(std::uint64_t address, std::span<std::byte> into) override;
  void write(std::uint64_t address, std::span<const std::byte> bytes) override;
  void resize(std::uint64_t size) override;
  std::uint64_t size() const override { return size_; }
  int error() const { return error_; }  // errno; 0 if all is well

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
  int error_ = 0;
};

/// An invalid handle if it is no HDF5 file. The store must outlive it.
Hdf5Handle open_store(Hdf5Store& store);
/// A new file. @throws FileError
Hdf5Handle create_store(Hdf5Store& store);

}  // namespace rooflaw::format
