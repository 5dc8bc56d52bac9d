#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "hdf5_shared.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/format/seal.hpp"

namespace rooflaw::format {

namespace {

hid_t require(hid_t id, const char* what) {
  if (id < 0) throw FileError("HDF5 image in memory", fmt::format("{} failed", what));
  return id;
}

Hdf5Handle memory_file() {
  silence_library();
  const Hdf5Handle access(require(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate"), H5Pclose);
  // Many small steps are cheap: realloc moves the pages of large blocks (mremap) and copies
  // nothing.
  constexpr std::size_t increment = std::size_t{1} << 20;
  H5Pset_fapl_core(access.id(), increment, false);
  const Hdf5Handle creation(require(H5Pcreate(H5P_FILE_CREATE), "H5Pcreate"), H5Pclose);
  require(H5Pset_userblock(creation.id(), seal_bytes), "H5Pset_userblock");
  // The library wants a name of its own for every open file, though none is written.
  static std::atomic<unsigned> count = 0;
  const std::string name = fmt::format("rooflaw-{}", ++count);
  return {require(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), "H5Fcreate"),
          H5Fclose};
}

/// Missing groups on the way to an object are made; no times are kept, so equal contents are equal
/// bytes.
Hdf5Handle link_properties() {
  Hdf5Handle properties(require(H5Pcreate(H5P_LINK_CREATE), "H5Pcreate"), H5Pclose);
  H5Pset_create_intermediate_group(properties.id(), 1);
  return properties;
}

Hdf5Handle dataset(hid_t file, const std::string& path, hid_t type, hid_t space) {
  const Hdf5Handle creation(require(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate"), H5Pclose);
  H5Pset_obj_track_times(creation.id(), false);
  return {require(H5Dcreate2(file, path.c_str(), type, space, link_properties().id(), creation.id(),
                             H5P_DEFAULT),
                  path.c_str()),
          H5Dclose};
}

/// Fixed-length cells, one after the other.
std::string packed(const std::vector<std::string>& texts, std::size_t length) {
  std::string cells;
  cells.reserve(texts.size() * length);
  for (const auto& text : texts) {
    cells += text;
    cells.append(length - text.size(), '\0');
  }
  return cells;
}

std::size_t longest(const std::vector<std::string>& texts) {
  std::size_t length = 1;
  for (const auto& text : texts) length = std::max(length, text.size());
  return length;
}

}  // namespace

Hdf5Writer::Hdf5Writer() : file_(memory_file()) {}

void Hdf5Writer::group(const std::string& path) {
  const Hdf5Handle creation(require(H5Pcreate(H5P_GROUP_CREATE), "H5Pcreate"), H5Pclose);
  H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const Hdf5Handle made(require(H5Gcreate2(file_.id(), path.c_str(), link_properties().id(),
                                           creation.id(), H5P_DEFAULT),
                                path.c_str()),
                        H5Gclose);
}

void Hdf5Writer::column(const std::string& path, const Column& values, const std::string& unit) {
  const auto write = [&](hid_t type, std::size_t size, const void* data) {
    const hsize_t extent = size;
    const Hdf5Handle space(require(H5Screate_simple(1, &extent, nullptr), "H5Screate"), H5Sclose);
    const Hdf5Handle set = dataset(file_.id(), path, type, space.id());
    if (size > 0)
      require(H5Dwrite(set.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "H5Dwrite");
  };
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
    write(H5T_NATIVE_DOUBLE, numbers->size(), numbers->data());
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&values)) {
    write(H5T_NATIVE_INT64, integers->size(), integers->data());
  } else {
    const auto& texts = std::get<std::vector<std::string>>(values);
    const std::size_t length = longest(texts);
    const Hdf5Handle type = string_type(length);
    write(type.id(), texts.size(), packed(texts, length).data());
  }
  attribute(path, "unit", unit);
}

void Hdf5Writer::text(const std::string& path, const std::string& value) {
  const Hdf5Handle type = string_type(H5T_VARIABLE);
  const Hdf5Handle space(require(H5Screate(H5S_SCALAR), "H5Screate"), H5Sclose);
  const Hdf5Handle set = dataset(file_.id(), path, type.id(), space.id());
  const char* data = value.c_str();
  require(H5Dwrite(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &data), "H5Dwrite");
}

void Hdf5Writer::attribute(const std::string& path, const std::string& name,
                           const Attribute& value) {
  const Hdf5Handle object(require(H5Oopen(file_.id(), path.c_str(), H5P_DEFAULT), path.c_str()),
                          H5Oclose);
  const auto write = [&](hid_t type, std::size_t size, const void* data) {
    const hsize_t extent = size;
    const Hdf5Handle space(size == 0 ? require(H5Screate(H5S_SCALAR), "H5Screate")
                                     : require(H5Screate_simple(1, &extent, nullptr), "H5Screate"),
                           H5Sclose);
    const Hdf5Handle made(
        require(H5Acreate2(object.id(), name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                name.c_str()),
        H5Aclose);
    require(H5Awrite(made.id(), type, data), "H5Awrite");
  };
  if (const auto* number = std::get_if<double>(&value)) {
    write(H5T_NATIVE_DOUBLE, 0, number);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write(H5T_NATIVE_INT64, 0, integer);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    write(H5T_NATIVE_INT64, integers->size(), integers->data());
  } else {
    const Hdf5Handle type = string_type(H5T_VARIABLE);
    const char* data = std::get<std::string>(value).c_str();
    write(type.id(), 0, &data);
  }
}

void Hdf5Writer::copy(const Hdf5Reader& from, const std::string& path) {
  if (H5Ocopy(from.id(), path.c_str(), file_.id(), path.c_str(), H5P_DEFAULT,
              link_properties().id()) < 0)
    throw FileError(from.file(), path + ": cannot be copied");
}

Hdf5Image Hdf5Writer::image() && {
  require(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "H5Fflush");
  const ssize_t size = H5Fget_file_image(file_.id(), nullptr, 0);  // without the user block
  require(size, "H5Fget_file_image");
  // H5Fget_file_image would copy the file. The core driver's handle is where its memory stands.
  void* handle = nullptr;
  require(H5Fget_vfd_handle(file_.id(), H5P_DEFAULT, &handle), "H5Fget_vfd_handle");
  auto* const memory = *static_cast<std::byte**>(handle);
  std::byte* const superblock = memory + seal_bytes;
  // Format signature and version 0 of the HDF5 file format specification, II.A.
  constexpr std::string_view opening("\x89HDF\r\n\x1a\n\0", 9);
  if (std::memcmp(superblock, opening.data(), opening.size()) != 0)
    throw FileError("HDF5 image in memory", "is not where H5Fget_vfd_handle says");
  // "File Consistency Flags": they say that the file is open for writing. H5Fget_file_image clears
  // them in its copy.
  std::memset(superblock + 20, 0, 4);
  const std::span contents(superblock, static_cast<std::size_t>(size));
  const std::string seal = seal_of(contents);
  std::memcpy(memory, seal.data(), seal.size());
  return {std::move(file_), {memory, seal_bytes + contents.size()}};
}

}  // namespace rooflaw::format
