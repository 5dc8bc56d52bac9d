#include "hdf5_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <fmt/format.h>

#include "hdf5_shared.hpp"

namespace rooflaw::format {

bool MemoryStore::read(std::uint64_t address, std::span<std::byte> into) {
  if (address > bytes_.size() || into.size() > bytes_.size() - address) return false;
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(address), into.size(), into.begin());
  return true;
}

void MemoryStore::write(std::uint64_t address, std::span<const std::byte> bytes) {
  if (address + bytes.size() > bytes_.size()) bytes_.resize(address + bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(address));
}

bool DescriptorStore::read(std::uint64_t address, std::span<std::byte> into) {
  // What could not be written reads as zeros: the file is given up, but must be closed.
  std::fill(into.begin(), into.end(), std::byte{0});
  while (!into.empty()) {
    const ssize_t n = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return error_ != 0 || n == 0;
    address += static_cast<std::uint64_t>(n);
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

void DescriptorStore::write(std::uint64_t address, std::span<const std::byte> bytes) {
  size_ = std::max(size_, address + bytes.size());
  while (!bytes.empty() && error_ == 0) {
    const ssize_t n =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      error_ = errno;
      return;
    }
    address += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void DescriptorStore::resize(std::uint64_t size) {
  if (error_ == 0 && ::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) error_ = errno;
  size_ = size;
}

namespace {

/// The library's idea of an open file, which begins with its own part.
struct OpenFile {
  H5FD_t library{};
  Hdf5Store* store = nullptr;
  haddr_t end = 0;
};

OpenFile& open_file(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file); }
const OpenFile& open_file(const H5FD_t* file) { return *reinterpret_cast<const OpenFile*>(file); }

H5FD_class_t driver_class() {
  H5FD_class_t c{};
#if H5_VERSION_GE(1, 13, 0)
  c.version = H5FD_CLASS_VERSION;
  c.value = 600;  // of those for applications
#endif
  c.name = "rooflaw";
  c.maxaddr = HADDR_MAX / 4;
  c.fc_degree = H5F_CLOSE_WEAK;
  c.fapl_size = sizeof(Hdf5Store*);
  c.open = [](const char*, unsigned, hid_t access, haddr_t) -> H5FD_t* {
    const void* info = H5Pget_driver_info(access);
    if (info == nullptr) return nullptr;
    auto* file = new (std::nothrow) OpenFile;
    if (file != nullptr) file->store = *static_cast<Hdf5Store* const*>(info);
    return reinterpret_cast<H5FD_t*>(file);
  };
  c.close = [](H5FD_t* file) -> herr_t {
    delete &open_file(file);
    return 0;
  };
  c.query = [](const H5FD_t*, unsigned long* flags) -> herr_t {
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
  };
  c.get_eoa = [](const H5FD_t* file, H5FD_mem_t) { return open_file(file).end; };
  c.set_eoa = [](H5FD_t* file, H5FD_mem_t, haddr_t end) -> herr_t {
    open_file(file).end = end;
    return 0;
  };
  c.get_eof = [](const H5FD_t* file, H5FD_mem_t) -> haddr_t {
    return open_file(file).store->size();
  };
  c.read = [](H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* to) -> herr_t {
    return open_file(file).store->read(address, {static_cast<std::byte*>(to), size}) ? 0 : -1;
  };
  c.write = [](H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size,
               const void* from) -> herr_t {
    open_file(file).store->write(address, {static_cast<const std::byte*>(from), size});
    return 0;
  };
  c.truncate = [](H5FD_t* file, hid_t, hbool_t) -> herr_t {
    OpenFile& f = open_file(file);
    if (f.store->size() != f.end) f.store->resize(f.end);
    return 0;
  };
  const H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(map), std::end(map), std::begin(c.fl_map));
  return c;
}

/// Of a store. The library wants a name of its own for every open file.
struct Access {
  Hdf5Handle properties;
  std::string name;
};

Access access_to(Hdf5Store& store) {
  silence_library();
  static const H5FD_class_t driver = driver_class();
  static const hid_t registered = H5FDregister(&driver);
  static std::atomic<unsigned> count = 0;
  Access access{{H5Pcreate(H5P_FILE_ACCESS), H5Pclose}, fmt::format("rooflaw-{}", ++count)};
  Hdf5Store* const info = &store;
  if (registered < 0 || H5Pset_driver(access.properties.id(), registered, &info) < 0)
    throw FileError("HDF5", "the library takes no driver");
  return access;
}

}  // namespace

Hdf5Handle open_store(Hdf5Store& store) {
  const Access access = access_to(store);
  return {H5Fopen(access.name.c_str(), H5F_ACC_RDONLY, access.properties.id()), H5Fclose};
}

Hdf5Handle create_store(Hdf5Store& store) {
  const Access access = access_to(store);
  const hid_t file =
      H5Fcreate(access.name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.properties.id());
  if (file < 0) throw FileError("HDF5", "no file can be created");
  return {file, H5Fclose};
}

}  // namespace rooflaw::format
