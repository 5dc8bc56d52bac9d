#include "rooflaw/format/hdf5.hpp"

#include <algorithm>
#include <iterator>
#include <memory_resource>
#include <new>
#include <sstream>
#include <utility>

#include "hdf5_heaps.hpp"
#include "hdf5_shared.hpp"
#include "hdf5_store.hpp"
#include "rooflaw/core/error.hpp"

namespace rooflaw::format {

void silence_library() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Hdf5Handle text_type() {
  const hid_t id = H5Tcopy(H5T_C_S1);
  if (id < 0) throw FileError("HDF5 text", "H5Tcopy failed");
  Hdf5Handle type(id, H5Tclose);
  H5Tset_size(type.id(), H5T_VARIABLE);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  return type;
}

namespace {

struct Listing {
  H5O_type_t wanted;
  std::vector<std::string> names;
};

herr_t list_link(hid_t group, const char* name, const H5L_info_t* link, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  if (link->type != H5L_TYPE_HARD) return -1;
  H5O_info_t info;
  if (H5Oget_info_by_name2(group, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  if (info.type == listing.wanted) listing.names.emplace_back(name);
  return 0;
}

herr_t list_attribute(hid_t, const char* name, const H5A_info_t*, void* data) {
  static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

herr_t first_cause(unsigned, const H5E_error2_t* error, void* cause) {
  if (error->desc != nullptr && *error->desc != '\0')
    *static_cast<std::string*>(cause) = error->desc;
  return 0;
}

/// What the library says of its last failure, at its root: ": ..." or nothing.
std::string library_cause() {
  std::string cause;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, first_cause, &cause);
  return cause.empty() ? "" : ": HDF5 says: " + cause;
}

}  // namespace

namespace {
std::unique_ptr<Hdf5Store> checked_store(const std::string& path, Seal seal) {
  auto bytes = read_sealed(path, seal);
  if (!heaps_end(bytes)) throw FileError(path, "is damaged: a heap of its texts does not end");
  return std::make_unique<MemoryStore>(std::move(bytes));
}
}  // namespace

Hdf5Reader::Hdf5Reader(const std::string& path, Seal seal)
    : path_(path), store_(checked_store(path, seal)), file_(open_store(*store_)) {
  if (file_.id() < 0) throw FileError(path, "is not a readable HDF5 file" + library_cause());
}
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader::~Hdf5Reader() = default;

void Hdf5Reader::fail(const std::string& object, const std::string& what) const {
  throw FileError(path_, object + ": " + what);
}

bool Hdf5Reader::has(const std::string& path) const {
  // H5Lexists wants every step of the way to exist.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string step = path.substr(0, end);
    if (step != "/" && H5Lexists(file_.id(), step.c_str(), H5P_DEFAULT) <= 0) return false;
    if (step != "/") require_hard(step);
    if (end == std::string::npos) return true;
  }
}

/// A result is one file: another that it names may be a pipe or a secret. `path` exists.
void Hdf5Reader::require_hard(const std::string& path) const {
  H5L_info_t link;
  if (H5Lget_info(file_.id(), path.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
    fail(path, "is a link to another place; a result has none");
}

namespace {

/// Why a dataset is not what a result holds; null if it is. Compressed ones may be bombs.
const char* foreign_storage(hid_t set) {
  const Hdf5Handle creation(H5Dget_create_plist(set), H5Pclose);
  const auto layout = H5Pget_layout(creation.id());
  if (H5Pget_external_count(creation.id()) != 0 || layout == H5D_VIRTUAL)
    return "lies in another file";
  if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
    return "is chunked or compressed; h5repack -l CONTI -f NONE undoes it";
  return nullptr;
}

std::vector<std::string> list(const std::string& name, hid_t file, const std::string& path,
                              H5O_type_t wanted) {
  Listing listing{wanted, {}};
  const Hdf5Handle group(H5Gopen2(file, path.c_str(), H5P_DEFAULT), H5Gclose);
  if (group.id() < 0) throw FileError(name, path + ": is no group");
  const Hdf5Handle creation(H5Gget_create_plist(group.id()), H5Pclose);
  unsigned tracked = 0;
  H5Pget_link_creation_order(creation.id(), &tracked);
  const auto order = (tracked & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  if (H5Literate(group.id(), order, H5_ITER_INC, nullptr, list_link, &listing) < 0)
    throw FileError(name, path + ": holds a link to another place; a result has none");
  return listing.names;
}
}  // namespace

std::vector<std::string> Hdf5Reader::groups(const std::string& path) const {
  if (!has(path)) fail(path, "is missing");
  return list(path_, file_.id(), path, H5O_TYPE_GROUP);
}

std::vector<std::string> Hdf5Reader::datasets(const std::string& path) const {
  if (!has(path)) fail(path, "is missing");
  auto names = list(path_, file_.id(), path, H5O_TYPE_DATASET);
  std::erase(names, scale_name);
  return names;
}

std::vector<std::string> Hdf5Reader::attributes(const std::string& path) const {
  std::vector<std::string> names;
  const Hdf5Handle object(H5Oopen(file_.id(), path.c_str(), H5P_DEFAULT), H5Oclose);
  if (object.id() < 0) fail(path, "is missing");
  H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, list_attribute, &names);
  return names;
}

Hdf5Handle Hdf5Reader::open_set(const std::string& path) const {
  const auto name = path.rfind('/') + 1;
  if (!group_handle_ || path.substr(0, name) != group_) {
    group_ = path.substr(0, name);
    group_handle_.reset();
    if (!has(group_.size() > 1 ? group_.substr(0, group_.size() - 1) : group_))
      fail(path, "is missing");
    group_handle_.emplace(H5Gopen2(file_.id(), group_.c_str(), H5P_DEFAULT), H5Gclose);
  }
  if (H5Lexists(group_handle_->id(), path.c_str() + name, H5P_DEFAULT) <= 0)
    fail(path, "is missing");
  require_hard(path);
  Hdf5Handle set(H5Dopen2(group_handle_->id(), path.c_str() + name, H5P_DEFAULT), H5Dclose);
  if (set.id() < 0) fail(path, "cannot be opened" + library_cause());
  if (const char* why = foreign_storage(set.id())) fail(path, why);
  return set;
}

namespace {
/// Memory for the texts of a column, to a bound: many cells may share one long text.
class BoundedTexts {
 public:
  explicit BoundedTexts(std::size_t most) : left_(most) {}
  bool refused() const { return refused_; }

  /// What H5Dread takes to read into this memory, which must outlive it.
  Hdf5Handle transfer() {
    Hdf5Handle list(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    H5Pset_vlen_mem_manager(list.id(), allocate, this, release, this);
    return list;
  }

 private:
  static void* allocate(std::size_t bytes, void* self) {
    auto& texts = *static_cast<BoundedTexts*>(self);
    if (bytes > texts.left_) {
      texts.refused_ = true;
      return nullptr;
    }
    texts.left_ -= bytes;
    try {
      return texts.memory_.allocate(bytes, 1);
    } catch (const std::bad_alloc&) {
      return nullptr;  // the library is C
    }
  }
  static void release(void*, void*) {}  // all at once, with `memory_`

  std::pmr::monotonic_buffer_resource memory_;
  std::size_t left_;
  bool refused_ = false;
};
}  // namespace

Column Hdf5Reader::column(const std::string& path) const {
  if (!keeps_) return read_column(path);
  const auto known = kept_.find(path);
  return known != kept_.end() ? known->second : kept_[path] = read_column(path);
}

Column Hdf5Reader::read_column(const std::string& path) const {
  const Hdf5Handle set = open_set(path);
  const Hdf5Handle type(H5Dget_type(set.id()), H5Tclose);
  const Hdf5Handle space(H5Dget_space(set.id()), H5Sclose);
  if (H5Sget_simple_extent_ndims(space.id()) != 1) fail(path, "is not a column");
  const hssize_t points = H5Sget_simple_extent_npoints(space.id());
  // A damaged header may claim any length; what the file cannot hold is not there.
  const std::size_t cell = H5Tget_size(type.id());
  if (points < 0 || cell == 0 || static_cast<std::uint64_t>(points) > store_->size() / cell)
    fail(path, "claims more rows than the file can hold");
  const auto size = static_cast<std::size_t>(points);
  const auto read = [&](hid_t as, void* data) {
    if (size > 0 && H5Dread(set.id(), as, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
      fail(path, "cannot be read" + library_cause());
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
      if (H5Aexists(set.id(), flag_meanings) <= 0) return values;
      return meant(path, values);
    }
    case H5T_STRING: {
      if (H5Tis_variable_str(type.id()) <= 0) fail(path, "is of fixed length");
      BoundedTexts texts(2 * store_->size());
      const Hdf5Handle transfer = texts.transfer();
      std::vector<char*> cells(size, nullptr);
      const Hdf5Handle as = text_type();
      if (size > 0 && H5Dread(set.id(), as.id(), H5S_ALL, H5S_ALL, transfer.id(), cells.data()) < 0)
        fail(path, texts.refused() ? "claims more text than the file can hold"
                                   : "cannot be read" + library_cause());
      std::vector<std::string> values;
      values.reserve(size);
      for (const char* text : cells) values.emplace_back(text == nullptr ? "" : text);
      return values;
    }
    default:
      fail(path, "has an unexpected type");
  }
}

/// The words that the numbers of a column stand for, by position.
std::vector<std::string> Hdf5Reader::meant(const std::string& path,
                                           const std::vector<std::int64_t>& numbers) const {
  std::istringstream meanings(attribute_as<std::string>(*this, path, flag_meanings));
  const std::vector<std::string> words(std::istream_iterator<std::string>(meanings), {});
  std::vector<std::string> values;
  values.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    if (number < 0 || std::cmp_greater_equal(number, words.size()))
      fail(path, "has a number that stands for no word");
    values.push_back(words[static_cast<std::size_t>(number)]);
  }
  return values;
}

std::string Hdf5Reader::text(const std::string& path) const {
  const Hdf5Handle set = open_set(path);
  const Hdf5Handle type(H5Dget_type(set.id()), H5Tclose);
  const Hdf5Handle space(H5Dget_space(set.id()), H5Sclose);
  if (H5Tis_variable_str(type.id()) <= 0 || H5Sget_simple_extent_type(space.id()) != H5S_SCALAR)
    fail(path, "is not a text");
  char* data = nullptr;
  const Hdf5Handle as = text_type();
  if (H5Dread(set.id(), as.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &data) < 0)
    fail(path, "cannot be read" + library_cause());
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
      const Hdf5Handle as = text_type();
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
