#include "rooflaw/format/hdf5.hpp"

#include <algorithm>
#include <filesystem>

#include "hdf5_shared.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/format/seal.hpp"

namespace rooflaw::format {

void silence_library() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Hdf5Handle string_type(std::size_t length) {
  const hid_t id = H5Tcopy(H5T_C_S1);
  if (id < 0) throw FileError("HDF5 text", "H5Tcopy failed");
  Hdf5Handle type(id, H5Tclose);
  H5Tset_size(type.id(), length);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  return type;
}

namespace {

Hdf5Handle open_for_reading(const std::string& path) {
  silence_library();
  // A result is one file. Another that it names may be a pipe, and never open; from now on there is
  // no way there.
  H5Lunregister(H5L_TYPE_EXTERNAL);
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

Hdf5Reader::Hdf5Reader(const std::string& path)
    : path_(path), file_(open_for_reading(path)), size_(std::filesystem::file_size(path)) {}

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
bool in_another_file(hid_t set) {
  const Hdf5Handle creation(H5Dget_create_plist(set), H5Pclose);
  return H5Pget_external_count(creation.id()) != 0 || H5Pget_layout(creation.id()) == H5D_VIRTUAL;
}

std::vector<std::string> list(const std::string& name, hid_t file, const std::string& path,
                              H5O_type_t wanted) {
  Listing listing{wanted, {}};
  const Hdf5Handle group(H5Gopen2(file, path.c_str(), H5P_DEFAULT), H5Gclose);
  if (group.id() < 0)
    throw FileError(name, path + ": is no group of this file, or a link to another file");
  const Hdf5Handle creation(H5Gget_create_plist(group.id()), H5Pclose);
  unsigned tracked = 0;
  H5Pget_link_creation_order(creation.id(), &tracked);
  const auto order = (tracked & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  if (H5Literate(group.id(), order, H5_ITER_INC, nullptr, list_link, &listing) < 0)
    throw FileError(name, path + ": holds a link that leads nowhere, or to another file");
  return listing.names;
}
}  // namespace

std::vector<std::string> Hdf5Reader::groups(const std::string& path) const {
  if (!has(path)) fail(path, "is missing");
  return list(path_, file_.id(), path, H5O_TYPE_GROUP);
}

std::vector<std::string> Hdf5Reader::datasets(const std::string& path) const {
  if (!has(path)) fail(path, "is missing");
  return list(path_, file_.id(), path, H5O_TYPE_DATASET);
}

std::vector<std::string> Hdf5Reader::attributes(const std::string& path) const {
  std::vector<std::string> names;
  const Hdf5Handle object(H5Oopen(file_.id(), path.c_str(), H5P_DEFAULT), H5Oclose);
  if (object.id() < 0) fail(path, "is missing");
  H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, list_attribute, &names);
  return names;
}

Hdf5Handle Hdf5Reader::open_column(const std::string& path) const {
  const auto name = path.rfind('/') + 1;
  if (!group_handle_ || path.substr(0, name) != group_) {
    group_ = path.substr(0, name);
    group_handle_.reset();
    group_handle_.emplace(H5Gopen2(file_.id(), group_.c_str(), H5P_DEFAULT), H5Gclose);
  }
  return {H5Dopen2(group_handle_->id(), path.c_str() + name, H5P_DEFAULT), H5Dclose};
}

Column Hdf5Reader::column(const std::string& path) const {
  if (!keeps_) return read_column(path);
  const auto known = kept_.find(path);
  return known != kept_.end() ? known->second : kept_[path] = read_column(path);
}

Column Hdf5Reader::read_column(const std::string& path) const {
  const Hdf5Handle set = open_column(path);
  if (set.id() < 0) fail(path, "is missing");
  if (in_another_file(set.id())) fail(path, "lies in another file");
  const Hdf5Handle type(H5Dget_type(set.id()), H5Tclose);
  const Hdf5Handle space(H5Dget_space(set.id()), H5Sclose);
  if (H5Sget_simple_extent_ndims(space.id()) != 1) fail(path, "is not a column");
  const hssize_t points = H5Sget_simple_extent_npoints(space.id());
  // A damaged header may claim any length; what the file cannot hold is not there.
  const std::size_t cell = H5Tget_size(type.id());
  if (points < 0 || cell == 0 || static_cast<std::uintmax_t>(points) > size_ / cell)
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
  if (in_another_file(set.id())) fail(path, "lies in another file");
  const Hdf5Handle type(H5Dget_type(set.id()), H5Tclose);
  const Hdf5Handle space(H5Dget_space(set.id()), H5Sclose);
  if (H5Tis_variable_str(type.id()) <= 0 || H5Sget_simple_extent_type(space.id()) != H5S_SCALAR)
    fail(path, "is not a text");
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

}  // namespace rooflaw::format
