// RESULT.h5: whatever is in the file, inspect, compare, export and merge end well or with an error
// they document. The first byte chooses: even, the rest is the file as it is; odd, the rest says in
// what the file differs from a proper result, which leads past the seal and the HDF5 library to our
// own readers. Its next bits choose the command: to open a file takes the HDF5 library most of the
// time, so it is opened once.

#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "rooflaw/app/commands.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/format/hdf5.hpp"
#include "unit/io/small_result.hpp"

using namespace rooflaw;

namespace {

namespace fs = std::filesystem;

/// In memory where the system has such a folder; a disk would be most of the time.
const fs::path& folder() {
  static const fs::path path = [] {
    const fs::path parent = fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    return parent / ("rooflaw-fuzz-" + std::to_string(::getpid()));
  }();
  return path;
}

/// The file that the readers get. All that knows how a result is put on disk.
std::string write_result_file(std::span<const std::byte> image,
                              const std::string& name = "result.h5") {
  const std::string path = folder() / name;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(image.data()),
            static_cast<std::streamsize>(image.size()));
  return path;
}

/// Something of a result: a column, a text or, with a name, an attribute.
struct Object {
  std::string path;
  std::string attribute;
  std::variant<format::Column, std::string, format::Attribute> value;
};

/// Of a job with these devices alone.
std::vector<Object> proper_result(const std::string& devices) {
  const testing::TemporaryFolder scratch;
  const auto parts = testing::small_result(scratch, {{"targets.devices", devices}});
  std::vector<Object> objects;
  for (const auto& [path, text] : parts.texts) objects.push_back({path, "", text});
  for (const auto& [path, column] : parts.columns) objects.push_back({path, "", column});
  for (const auto& [place, value] : parts.attributes)
    objects.push_back({place.first, place.second, value});
  return objects;
}

double any_number(FuzzedDataProvider& bytes) {
  constexpr double huge = std::numeric_limits<double>::max();
  return bytes.ConsumeBool() ? rooflaw::nan : bytes.ConsumeFloatingPointInRange(-huge, huge);
}

template <class Make>
auto several(FuzzedDataProvider& bytes, Make make) {
  std::vector<decltype(make())> values(bytes.ConsumeIntegralInRange<std::size_t>(0, 5));
  for (auto& value : values) value = make();
  return values;
}

format::Column any_column(FuzzedDataProvider& bytes) {
  switch (bytes.ConsumeIntegralInRange(0, 2)) {
    case 0:
      return several(bytes, [&] { return any_number(bytes); });
    case 1:
      return several(bytes, [&] { return bytes.ConsumeIntegral<std::int64_t>(); });
    default:
      return several(bytes, [&] { return bytes.ConsumeRandomLengthString(20); });
  }
}

format::Attribute any_attribute(FuzzedDataProvider& bytes) {
  switch (bytes.ConsumeIntegralInRange(0, 3)) {
    case 0:
      return any_number(bytes);
    case 1:
      return bytes.ConsumeIntegral<std::int64_t>();
    case 2:
      return bytes.ConsumeRandomLengthString(100);
    default:
      return several(bytes, [&] { return bytes.ConsumeIntegral<std::int64_t>(); });
  }
}

/// One difference: an object less, with another value, under another name, or one more.
void change(std::vector<Object>& objects, FuzzedDataProvider& bytes) {
  const auto at = bytes.ConsumeIntegralInRange<std::size_t>(0, objects.size() - 1);
  Object& object = objects[at];
  switch (bytes.ConsumeIntegralInRange(0, 4)) {
    case 0:
      objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      if (object.attribute.empty())
        object.value = any_column(bytes);  // also in place of a text
      else
        object.value = any_attribute(bytes);
      break;
    case 2: {
      const auto slash = object.path.rfind('/', object.path.size() - 2);
      object.path = object.path.substr(0, slash + 1) + bytes.ConsumeRandomLengthString(30);
      break;
    }
    case 3:
      objects.push_back({"/" + bytes.ConsumeRandomLengthString(30), "", any_column(bytes)});
      break;
    default:
      objects.push_back({object.path, bytes.ConsumeRandomLengthString(20), any_attribute(bytes)});
  }
}

std::vector<std::byte> image_of(const std::vector<Object>& objects) {
  format::Hdf5Writer file;
  for (const auto& object : objects) {
    try {
      if (const auto* text = std::get_if<std::string>(&object.value))
        file.text(object.path, *text);
      else if (const auto* column = std::get_if<format::Column>(&object.value))
        file.column(object.path, *column, "");
      else
        file.attribute(object.path, object.attribute, std::get<format::Attribute>(object.value));
    } catch (const FileError&) {
      continue;  // a name that HDF5 does not take, or a parent that was left out
    }
  }
  return std::move(file).image();
}

std::vector<std::byte> changed_result(FuzzedDataProvider& bytes, bool of_two_devices) {
  static const auto one = proper_result(R"(["jetson-agx-orin-64gb"])");
  static const auto two = proper_result(R"(["jetson-agx-orin-64gb", "jetson-thor-t5000"])");
  auto objects = of_two_devices ? two : one;
  for (int n = bytes.ConsumeIntegralInRange(0, 8); n > 0 && objects.size() > 1; --n)
    change(objects, bytes);
  return image_of(objects);
}

void require_file_error_at_worst(ExitCode (*command)(const app::Arguments&),
                                 const app::Arguments& arguments) {
  try {
    command(arguments);
  } catch (const FileError&) {
    return;
  }
}

/// With the result of another device; what does not fit together may be refused.
void merge(const std::string& path) {
  static const std::vector<std::byte> other = image_of(proper_result(R"(["jetson-thor-t5000"])"));
  const std::string second = write_result_file(other, "other.h5");
  try {
    app::merge_command({path, second, "-o", (folder() / "merged.h5").string()});
  } catch (const FileError&) {
    return;
  } catch (const InputError&) {
    return;
  }
}

/// Texts of the inputs are read again, so any of them may be wrong.
void compare(const std::string& path) {
  try {
    app::compare_command({path, "--baseline", "jetson-agx-orin-64gb"});
  } catch (const Error& e) {
    fuzz::require(e.exit_code() == ExitCode::bad_input || e.exit_code() == ExitCode::file_error,
                  "compare ends with an error of the file");
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // The commands print what they read; libFuzzer reports on stderr.
  return std::freopen("/dev/null", "w", stdout) == nullptr ? 1 : 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  fs::create_directory(folder());
  // libFuzzer ends the process without a last word, so every input cleans up.
  struct Cleanup {
    ~Cleanup() { fs::remove_all(folder()); }
  } const cleanup;
  constexpr int compared = 2;
  const int command = data[0] / 2 % 4;
  std::string path;
  if (data[0] % 2 == 0) {
    path = write_result_file(std::as_bytes(std::span(data + 1, size - 1)));
  } else {
    FuzzedDataProvider bytes(data + 1, size - 1);
    path = write_result_file(changed_result(bytes, command == compared));
  }
  switch (command) {
    case compared:
      compare(path);
      return 0;
    case 0:
      require_file_error_at_worst(app::inspect_command, {path});
      return 0;
    case 3:
      merge(path);
      return 0;
    default:
      break;
  }
  const fs::path csv = folder() / "out" / "csv";
  require_file_error_at_worst(app::export_command, {path, "-o", csv.string()});
  fs::remove_all(folder() / "out");
  for (const auto& entry : fs::directory_iterator(folder()))
    fuzz::require(entry.path() == path, "export writes below its folder only");
  return 0;
}
