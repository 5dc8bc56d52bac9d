#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include <fmt/format.h>
#include <hdf5_hl.h>

#include "hdf5_shared.hpp"
#include "hdf5_store.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/format/seal.hpp"
#include "rooflaw/format/sha256.hpp"

namespace rooflaw::format {

namespace {

hid_t require(hid_t id, const char* what) {
  if (id < 0) throw FileError("HDF5 file", fmt::format("{} failed", what));
  return id;
}

/// Missing groups on the way to an object are made; no times are kept, so equal contents are equal
/// bytes.
Hdf5Handle link_properties() {
  Hdf5Handle properties(require(H5Pcreate(H5P_LINK_CREATE), "H5Pcreate"), H5Pclose);
  H5Pset_create_intermediate_group(properties.id(), 1);
  return properties;
}

/// For so many cells. The buffers in which HDF5 converts texts are a megabyte each, made and
/// cleared anew for every dataset; most of ours are a line.
Hdf5Handle transfer_properties(std::size_t cells) {
  constexpr std::size_t least = 1024, most = std::size_t{1} << 20;
  constexpr std::size_t cell = 32;  // a text here or in the file, and room
  Hdf5Handle properties(require(H5Pcreate(H5P_DATASET_XFER), "H5Pcreate"), H5Pclose);
  H5Pset_buffer(properties.id(), std::clamp(cells * cell, least, most), nullptr, nullptr);
  return properties;
}

}  // namespace

Hdf5Writer::Hdf5Writer() : Hdf5Writer(std::make_unique<MemoryStore>()) {}
Hdf5Writer::Hdf5Writer(std::unique_ptr<Hdf5Store> store)
    : store_(std::move(store)), file_(create_store(*store_)) {}
Hdf5Writer::Hdf5Writer(Hdf5Writer&&) noexcept = default;
Hdf5Writer::~Hdf5Writer() = default;

Hdf5Handle Hdf5Writer::dataset(const std::string& path, hid_t type, hid_t space) {
  const Hdf5Handle creation(require(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate"), H5Pclose);
  H5Pset_obj_track_times(creation.id(), false);
  return {require(H5Dcreate2(file_->id(), path.c_str(), type, space, link_properties().id(),
                             creation.id(), H5P_DEFAULT),
                  path.c_str()),
          H5Dclose};
}

void Hdf5Writer::group(const std::string& path) {
  const Hdf5Handle creation(require(H5Pcreate(H5P_GROUP_CREATE), "H5Pcreate"), H5Pclose);
  H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const Hdf5Handle made(require(H5Gcreate2(file_->id(), path.c_str(), link_properties().id(),
                                           creation.id(), H5P_DEFAULT),
                                path.c_str()),
                        H5Gclose);
}

void Hdf5Writer::table(const std::string& path, std::size_t rows) {
  group(path);
  table_ = path + "/";
  scale_.reset();
  const hsize_t extent = rows;
  const Hdf5Handle space(require(H5Screate_simple(1, &extent, nullptr), "H5Screate"), H5Sclose);
  const std::string name = table_ + std::string(scale_name);
  scale_.emplace(dataset(name, H5T_NATIVE_INT64, space.id()));
  std::vector<std::int64_t> numbers(rows);
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  if (rows > 0)
    require(H5Dwrite(scale_->id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()),
            "H5Dwrite");
  attribute(name, "unit", std::string("1"));
  require(H5DSset_scale(scale_->id(), std::string(scale_name).c_str()), "H5DSset_scale");
}

void Hdf5Writer::write_run(const std::string& path, hid_t type, std::size_t count,
                           const void* cells, const Run& run) {
  const hsize_t all = run.of, first = run.first, some = count;
  const Hdf5Handle space(require(H5Screate_simple(1, &all, nullptr), "H5Screate"), H5Sclose);
  const Hdf5Handle set =
      run.first == 0
          ? dataset(path, type, space.id())
          : Hdf5Handle(require(H5Dopen2(file_->id(), path.c_str(), H5P_DEFAULT), path.c_str()),
                       H5Dclose);
  if (count > 0) {
    const Hdf5Handle memory(require(H5Screate_simple(1, &some, nullptr), "H5Screate"), H5Sclose);
    require(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &first, nullptr, &some, nullptr),
            path.c_str());
    require(
        H5Dwrite(set.id(), type, memory.id(), space.id(), transfer_properties(count).id(), cells),
        "H5Dwrite");
  }
  if (run.first == 0 && scale_ && path.starts_with(table_))
    require(H5DSattach_scale(set.id(), scale_->id(), 0), "H5DSattach_scale");
}

void Hdf5Writer::column(const std::string& path, const Column& values, const std::string& unit,
                        std::optional<Run> run) {
  const auto write = [&](hid_t type, std::size_t count, const void* cells) {
    if (!run) run = {.first = 0, .of = count};
    write_run(path, type, count, cells, *run);
  };
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
    write(H5T_NATIVE_DOUBLE, numbers->size(), numbers->data());
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&values)) {
    write(H5T_NATIVE_INT64, integers->size(), integers->data());
  } else {
    // Those of a fixed length crash netCDF-C 4.9.0, which Debian 12 has.
    std::vector<const char*> cells;
    for (const auto& cell : std::get<std::vector<std::string>>(values))
      cells.push_back(cell.c_str());
    write(text_type().id(), cells.size(), cells.data());
  }
  if (run->first == 0) attribute(path, "unit", unit);
}

void Hdf5Writer::words(const std::string& path, const std::vector<std::string>& values,
                       const std::vector<std::string>& words, std::optional<Run> run) {
  std::vector<std::int8_t> cells;
  for (const auto& value : values) {
    const auto found = std::find(words.begin(), words.end(), value);
    if (found == words.end()) throw Error(path + ": \"" + value + "\" is no word of this column");
    cells.push_back(static_cast<std::int8_t>(found - words.begin()));
  }
  if (!run) run = {.first = 0, .of = cells.size()};
  write_run(path, H5T_NATIVE_INT8, cells.size(), cells.data(), *run);
  if (run->first > 0) return;
  attribute(path, "unit", std::string());
  std::vector<std::int8_t> numbers(words.size());
  std::iota(numbers.begin(), numbers.end(), std::int8_t{0});
  const hsize_t count = numbers.size();
  const Hdf5Handle flags(require(H5Screate_simple(1, &count, nullptr), "H5Screate"), H5Sclose);
  const Hdf5Handle set(require(H5Dopen2(file_->id(), path.c_str(), H5P_DEFAULT), path.c_str()),
                       H5Dclose);
  const Hdf5Handle made(require(H5Acreate2(set.id(), flag_values, H5T_NATIVE_INT8, flags.id(),
                                           H5P_DEFAULT, H5P_DEFAULT),
                                flag_values),
                        H5Aclose);
  require(H5Awrite(made.id(), H5T_NATIVE_INT8, numbers.data()), "H5Awrite");
  attribute(path, flag_meanings, fmt::format("{}", fmt::join(words, " ")));
}

void Hdf5Writer::text(const std::string& path, const std::string& value) {
  const Hdf5Handle type = text_type();
  const Hdf5Handle space(require(H5Screate(H5S_SCALAR), "H5Screate"), H5Sclose);
  const Hdf5Handle set = dataset(path, type.id(), space.id());
  const char* data = value.c_str();
  require(H5Dwrite(set.id(), type.id(), H5S_ALL, H5S_ALL, transfer_properties(1).id(), &data),
          "H5Dwrite");
}

void Hdf5Writer::attribute(const std::string& path, const std::string& name,
                           const Attribute& value) {
  const Hdf5Handle object(require(H5Oopen(file_->id(), path.c_str(), H5P_DEFAULT), path.c_str()),
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
    const Hdf5Handle type = text_type();
    const char* data = std::get<std::string>(value).c_str();
    write(type.id(), 0, &data);
  }
}

std::unique_ptr<Hdf5Store> Hdf5Writer::finish() && {
  scale_.reset();
  require(H5Fflush(file_->id(), H5F_SCOPE_GLOBAL), "H5Fflush");
  file_.reset();  // which ends the file where its header says
  return std::move(store_);
}

std::vector<std::byte> Hdf5Writer::image() && {
  const auto store = std::move(*this).finish();
  auto bytes = dynamic_cast<const MemoryStore&>(*store).bytes();
  const std::string seal =
      seal_line(sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  const auto line = std::as_bytes(std::span(seal));
  bytes.insert(bytes.end(), line.begin(), line.end());
  return bytes;
}

Hdf5File::Hdf5File(const std::string& path)
    : path_(path),
      file_(std::make_unique<AtomicFile>(path)),
      writer_(std::make_unique<DescriptorStore>(file_->descriptor())) {}
Hdf5File::~Hdf5File() = default;

void Hdf5File::keep(const std::function<void()>& last_look) {
  const auto ended = std::move(*writer_).finish();
  writer_.reset();
  auto& store = dynamic_cast<DescriptorStore&>(*ended);
  Sha256 hash;
  std::vector<std::byte> block(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < store.size() && store.error() == 0; at += block.size()) {
    const std::span part(block.data(), std::min<std::uint64_t>(block.size(), store.size() - at));
    store.read(at, part);
    hash.add(part);
  }
  const std::string seal = seal_line(hash.hex());
  store.write(store.size(), std::as_bytes(std::span(seal)));
  if (store.error() != 0)
    throw FileError(path_, fmt::format("cannot be written: {}", std::strerror(store.error())));
  file_->keep("", last_look);
}

}  // namespace rooflaw::format
