#include "rooflaw/io/hdf5.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/io/seal.hpp"

namespace rooflaw::io {

namespace {

/// Our errors say what failed; the library's own print-out on stderr would double them.
void silence_library() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

hid_t require(hid_t id, const char* what) {
  if (id < 0) throw FileError("HDF5 image in memory", fmt::format("{} failed", what));
  return id;
}

Hdf5Handle string_type(std::size_t length) {
  Hdf5Handle type(require(H5Tcopy(H5T_C_S1), "H5Tcopy"), H5Tclose);
  H5Tset_size(type.id(), length);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  return type;
}

Hdf5Handle memory_file() {
  silence_library();
  const Hdf5Handle access(require(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate"), H5Pclose);
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

namespace {

Hdf5Handle open_for_reading(const std::string& path) {
  silence_library();
  require_sealed(path);
  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  if (id < 0) throw FileError(path, "is not a readable HDF5 file");
  return {id, H5Fclose};
}

struct Listing {
  H5O_type_t wanted;
  std::vector<std::string> names;
};

herr_t list_link(hid_t group, const char* name, const H5L_info_t*, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  H5O_info_t info;
  if (H5Oget_info_by_name2(group, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  if (info.type == listing.wanted) listing.names.emplace_back(name);
  return 0;
}

herr_t list_attribute(hid_t, const char* name, const H5A_info_t*, void* data) {
  static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

std::string trimmed(const char* cell, std::size_t length) {
  return {cell, std::find(cell, cell + length, '\0')};
}

}  // namespace

Hdf5Reader::Hdf5Reader(const std::string& path) : path_(path), file_(open_for_reading(path)) {}

void Hdf5Reader::fail(const std::string& object, const std::string& what) const {
  throw FileError(path_, object + ": " + what);
}

bool Hdf5Reader::has(const std::string& path) const {
  // H5Lexists wants every step of the way to exist.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string step = path.substr(0, end);
    if (step != "/" && H5Lexists(file_.id(), step.c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) return true;
  }
}

namespace {
std::vector<std::string> list(hid_t file, const std::string& path, H5O_type_t wanted) {
  Listing listing{wanted, {}};
  const Hdf5Handle group(H5Gopen2(file, path.c_str(), H5P_DEFAULT), H5Gclose);
  if (group.id() < 0) return {};
  const Hdf5Handle creation(H5Gget_create_plist(group.id()), H5Pclose);
  unsigned tracked = 0;
  H5Pget_link_creation_order(creation.id(), &tracked);
  const auto order = (tracked & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  H5Literate(group.id(), order, H5_ITER_INC, nullptr, list_link, &listing);
  return listing.names;
}
}  // namespace

std::vector<std::string> Hdf5Reader::groups(const std::string& path) const {
  if (!has(path)) fail(path, "is missing");
  return list(file_.id(), path, H5O_TYPE_GROUP);
}

std::vector<std::string> Hdf5Reader::datasets(const std::string& path) const {
  if (!has(path)) fail(path, "is missing");
  return list(file_.id(), path, H5O_TYPE_DATASET);
}

std::vector<std::string> Hdf5Reader::attributes(const std::string& path) const {
  std::vector<std::string> names;
  const Hdf5Handle object(H5Oopen(file_.id(), path.c_str(), H5P_DEFAULT), H5Oclose);
  if (object.id() < 0) fail(path, "is missing");
  H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, list_attribute, &names);
  return names;
}

Column Hdf5Reader::column(const std::string& path) const {
  const Hdf5Handle set(H5Dopen2(file_.id(), path.c_str(), H5P_DEFAULT), H5Dclose);
  if (set.id() < 0) fail(path, "is missing");
  const Hdf5Handle type(H5Dget_type(set.id()), H5Tclose);
  const Hdf5Handle space(H5Dget_space(set.id()), H5Sclose);
  if (H5Sget_simple_extent_ndims(space.id()) != 1) fail(path, "is not a column");
  const hssize_t points = H5Sget_simple_extent_npoints(space.id());
  // A damaged header may claim any length; what the file cannot hold is not there.
  const std::size_t cell = H5Tget_size(type.id());
  if (points < 0 || cell == 0 ||
      static_cast<std::uintmax_t>(points) > std::filesystem::file_size(path_) / cell)
    fail(path, "claims more rows than the file can hold");
  const auto size = static_cast<std::size_t>(points);
  const auto read = [&](hid_t as, void* data) {
    if (size > 0 && H5Dread(set.id(), as, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
      fail(path, "cannot be read");
  };
  switch (H5Tget_class(type.id())) {
    case H5T_FLOAT: {
      std::vector<double> values(size);
      read(H5T_NATIVE_DOUBLE, values.data());
      return values;
    }
    case H5T_INTEGER: {
      std::vector<std::int64_t> values(size);
      read(H5T_NATIVE_INT64, values.data());
      return values;
    }
    case H5T_STRING: {
      if (H5Tis_variable_str(type.id()) != 0) fail(path, "is not of fixed length");
      std::string cells(size * cell, '\0');
      read(type.id(), cells.data());
      std::vector<std::string> values;
      for (std::size_t i = 0; i < size; ++i)
        values.push_back(trimmed(cells.data() + i * cell, cell));
      return values;
    }
    default:
      fail(path, "has an unexpected type");
  }
}

std::string Hdf5Reader::text(const std::string& path) const {
  const Hdf5Handle set(H5Dopen2(file_.id(), path.c_str(), H5P_DEFAULT), H5Dclose);
  if (set.id() < 0) fail(path, "is missing");
  const Hdf5Handle type(H5Dget_type(set.id()), H5Tclose);
  if (H5Tis_variable_str(type.id()) <= 0) fail(path, "is not a text");
  char* data = nullptr;
  const Hdf5Handle as = string_type(H5T_VARIABLE);
  if (H5Dread(set.id(), as.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &data) < 0)
    fail(path, "cannot be read");
  std::string value = data == nullptr ? "" : data;
  H5free_memory(data);
  return value;
}

Attribute Hdf5Reader::attribute(const std::string& path, const std::string& name) const {
  const std::string object = path + "@" + name;
  const Hdf5Handle attribute(
      H5Aopen_by_name(file_.id(), path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (attribute.id() < 0) fail(object, "is missing");
  const Hdf5Handle type(H5Aget_type(attribute.id()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute.id()), H5Sclose);
  const auto points = H5Sget_simple_extent_npoints(space.id());
  const bool scalar = H5Sget_simple_extent_type(space.id()) == H5S_SCALAR;
  constexpr hssize_t most = 1024;
  if (points < 1 || points > most) fail(object, "has an unexpected shape");
  const auto read = [&](hid_t as, void* data) {
    if (H5Aread(attribute.id(), as, data) < 0) fail(object, "cannot be read");
  };
  switch (H5Tget_class(type.id())) {
    case H5T_FLOAT: {
      if (!scalar) fail(object, "has an unexpected shape");
      double value = 0;
      read(H5T_NATIVE_DOUBLE, &value);
      return value;
    }
    case H5T_INTEGER: {
      std::vector<std::int64_t> values(static_cast<std::size_t>(points));
      read(H5T_NATIVE_INT64, values.data());
      if (scalar) return values.front();
      return values;
    }
    case H5T_STRING: {
      if (!scalar || H5Tis_variable_str(type.id()) <= 0) fail(object, "is not a text");
      char* data = nullptr;
      const Hdf5Handle as = string_type(H5T_VARIABLE);
      read(as.id(), &data);
      const std::string value = data == nullptr ? "" : data;
      H5free_memory(data);
      return value;
    }
    default:
      fail(object, "has an unexpected type");
  }
}

}  // namespace rooflaw::io
