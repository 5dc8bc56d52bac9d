// Columns, texts and attributes through a file and back; equal contents, equal bytes.

#include <cmath>
#include <cstring>
#include <limits>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/format/seal.hpp"
#include "rooflaw/format/sha256.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::format {
namespace {

using ::testing::ElementsAre;
using Numbers = std::vector<double>;
using Integers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

/// What a writer made, on disk and open.
class Written {
 public:
  explicit Written(Hdf5Writer writer) {
    write_atomically(folder_.path("file.h5"), std::move(writer).image());
    reader_ = std::make_unique<Hdf5Reader>(folder_.path("file.h5"));
  }
  const Hdf5Reader* operator->() const { return reader_.get(); }

 private:
  testing::TemporaryFolder folder_;
  std::unique_ptr<Hdf5Reader> reader_;
};

std::string image_of(Hdf5Writer writer) {
  const auto image = std::move(writer).image();
  return {reinterpret_cast<const char*>(image.data()), image.size()};
}

TEST(Hdf5, ColumnsOfEveryType) {
  const Numbers numbers{0.0,
                        -0.0,
                        0.1,
                        5e-324,
                        1.7976931348623157e308,
                        std::numeric_limits<double>::infinity(),
                        -std::numeric_limits<double>::infinity(),
                        std::numeric_limits<double>::quiet_NaN()};
  const Integers integers{0, -1, std::numeric_limits<std::int64_t>::max(),
                          std::numeric_limits<std::int64_t>::min()};
  const Texts texts{"", "gqa", "größer als ASCII", std::string(300, 'x'), "mla"};
  Hdf5Writer writer;
  writer.column("/a/numbers", numbers, "s");
  writer.column("/a/integers", integers, "1");
  writer.column("/texts", texts, "");
  const Written file(std::move(writer));
  const auto read = std::get<Numbers>(file->column("/a/numbers"));
  ASSERT_EQ(numbers.size(), read.size());
  EXPECT_EQ(0, std::memcmp(numbers.data(), read.data(), numbers.size() * sizeof(double)));
  EXPECT_EQ(integers, std::get<Integers>(file->column("/a/integers")));
  EXPECT_EQ(texts, std::get<Texts>(file->column("/texts")));
  EXPECT_EQ("s", std::get<std::string>(file->attribute("/a/numbers", "unit")));
  EXPECT_EQ("", std::get<std::string>(file->attribute("/texts", "unit")));
}

TEST(Hdf5, EmptyColumnsKeepTheirType) {
  Hdf5Writer writer;
  writer.column("/numbers", Numbers{}, "s");
  writer.column("/integers", Integers{}, "1");
  writer.column("/texts", Texts{}, "");
  const Written file(std::move(writer));
  EXPECT_TRUE(std::get<Numbers>(file->column("/numbers")).empty());
  EXPECT_TRUE(std::get<Integers>(file->column("/integers")).empty());
  EXPECT_TRUE(std::get<Texts>(file->column("/texts")).empty());
  EXPECT_EQ("s", std::get<std::string>(file->attribute("/numbers", "unit")));
}

TEST(Hdf5, LongColumns) {
  Numbers numbers(200000);
  Texts texts;
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sqrt(static_cast<double>(i));
  for (int i = 0; i < 20000; ++i) texts.push_back("row " + std::to_string(i));
  Hdf5Writer writer;
  writer.column("/numbers", numbers, "");
  writer.column("/texts", texts, "");
  const Written file(std::move(writer));
  EXPECT_EQ(numbers, std::get<Numbers>(file->column("/numbers")));
  EXPECT_EQ(texts, std::get<Texts>(file->column("/texts")));
}

TEST(Hdf5, AttributesOfEveryType) {
  std::string longer(100000, 'j');  // more than the 64 KiB an attribute in the header may have
  longer += "end";
  Hdf5Writer writer;
  writer.group("/group");
  writer.attribute("/", "number", 0.1);
  writer.attribute("/", "nan", std::numeric_limits<double>::quiet_NaN());
  writer.attribute("/", "integer", std::int64_t{-7});
  writer.attribute("/", "text", std::string("hello"));
  writer.attribute("/", "empty", std::string());
  writer.attribute("/group", "job_toml", longer);
  writer.attribute("/group", "version", Integers{1, 0});
  writer.attribute("/group", "one", Integers{5});
  const Written file(std::move(writer));
  EXPECT_EQ(Attribute(0.1), file->attribute("/", "number"));
  EXPECT_TRUE(std::isnan(std::get<double>(file->attribute("/", "nan"))));
  EXPECT_EQ(Attribute(std::int64_t{-7}), file->attribute("/", "integer"));
  EXPECT_EQ(Attribute(std::string("hello")), file->attribute("/", "text"));
  EXPECT_EQ(Attribute(std::string()), file->attribute("/", "empty"));
  EXPECT_EQ(Attribute(longer), file->attribute("/group", "job_toml"));
  EXPECT_EQ(Attribute(Integers{1, 0}), file->attribute("/group", "version"));
  EXPECT_EQ(Attribute(Integers{5}), file->attribute("/group", "one"));
  EXPECT_THAT(file->attributes("/group"),
              ::testing::UnorderedElementsAre("job_toml", "version", "one"));
}

TEST(Hdf5, Texts) {
  const std::string text(200000, 't');
  Hdf5Writer writer;
  writer.text("/inputs/device/chip", text);
  writer.text("/inputs/device/empty", "");
  const Written file(std::move(writer));
  EXPECT_EQ(text, file->text("/inputs/device/chip"));
  EXPECT_EQ("", file->text("/inputs/device/empty"));
}

TEST(Hdf5, GroupsKeepTheOrderOfTheirColumns) {
  Hdf5Writer writer;
  writer.group("/frontiers/law/target");
  for (const char* name : {"latency_s", "loss", "alpha", "zulu", "beta"})
    writer.column(std::string("/frontiers/law/target/") + name, Numbers{1}, "");
  writer.group("/frontiers/law/another");
  const Written file(std::move(writer));
  EXPECT_THAT(file->datasets("/frontiers/law/target"),
              ElementsAre("latency_s", "loss", "alpha", "zulu", "beta"));
  EXPECT_THAT(file->groups("/frontiers/law"), ElementsAre("another", "target"));
  EXPECT_TRUE(file->datasets("/frontiers/law").empty());
  EXPECT_TRUE(file->has("/frontiers/law/target/zulu"));
  EXPECT_FALSE(file->has("/frontiers/law/target/yankee"));
  EXPECT_FALSE(file->has("/nothing/at/all"));
}

TEST(Hdf5, EqualContentsAreEqualBytes) {
  const auto image = [](double last) {
    Hdf5Writer writer;
    writer.group("/g");
    writer.column("/g/x", Numbers{1, 2, last}, "s");
    writer.column("/g/t", Texts{"a", "bc"}, "");
    writer.text("/inputs/law/l", "kappa = 1");
    writer.attribute("/", "n", std::int64_t{3});
    writer.attribute("/g", "long", std::string(70000, 'x'));
    return image_of(std::move(writer));
  };
  EXPECT_EQ(image(3), image(3));
  EXPECT_NE(image(3), image(4));
}

TEST(Hdf5, SeveralWritersAtOnce) {
  Hdf5Writer one, other;
  one.column("/x", Numbers{1}, "");
  other.column("/x", Numbers{2}, "");
  const Written first(std::move(one)), second(std::move(other));
  EXPECT_EQ(Numbers{1}, std::get<Numbers>(first->column("/x")));
  EXPECT_EQ(Numbers{2}, std::get<Numbers>(second->column("/x")));
}

TEST(Hdf5, WritersDoNotDisturbEachOthersBytes) {
  Hdf5Writer one, other;
  one.column("/x", Numbers{1}, "");
  other.column("/x", Numbers{2}, "");
  Hdf5Writer alone;
  alone.column("/x", Numbers{1}, "");
  EXPECT_EQ(image_of(std::move(alone)), image_of(std::move(one)));
}

TEST(Hdf5, AnImageOutlivesItsWriter) {
  const auto image = [] {
    Hdf5Writer writer;
    writer.column("/x", Numbers(1'000'000, 0.5), "");
    return std::move(writer).image();
  }();
  const testing::TemporaryFolder folder;
  write_atomically(folder.path("x.h5"), image);
  EXPECT_EQ(Numbers(1'000'000, 0.5),
            std::get<Numbers>(Hdf5Reader(folder.path("x.h5")).column("/x")));
}

TEST(Hdf5, BesideTheSealTheImageIsTheOneThatTheLibraryGives) {
  Hdf5Writer writer;
  for (int i = 0; i < 100; ++i)
    writer.column("/group/" + std::to_string(i), Numbers(10'000, i), "s");
  const testing::TemporaryFolder folder;
  const std::string path = folder.path("x.h5");
  write_atomically(path, std::move(writer).image());
  const Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const auto size = static_cast<std::size_t>(H5Fget_file_image(file.id(), nullptr, 0));
  std::string image(size, '\0');
  ASSERT_EQ(static_cast<ssize_t>(size), H5Fget_file_image(file.id(), image.data(), size));
  const std::string written = testing::file_text(path);
  EXPECT_EQ(image + seal_line(sha256_hex(image)), written);
}

TEST(Hdf5, AFileOnDiskHasTheBytesOfOneInMemory) {
  const auto fill = [](Hdf5Writer& writer) {
    writer.table("/t/u", 3);
    writer.column("/t/u/x", Numbers{1, 2, 3}, "s");
    writer.words("/t/u/w", {"b", "a", "b"}, {"a", "b"});
    writer.text("/text", "a text");
  };
  Hdf5Writer in_memory;
  fill(in_memory);
  const testing::TemporaryFolder folder;
  Hdf5File file(folder.path("x.h5"));
  fill(file.writer());
  EXPECT_FALSE(std::filesystem::exists(folder.path("x.h5")));
  file.keep();
  EXPECT_EQ(image_of(std::move(in_memory)), testing::file_text(folder.path("x.h5")));
}

TEST(Hdf5, AFileThatIsNotKeptLeavesNothing) {
  const testing::TemporaryFolder folder;
  folder.write("x.h5", "before");
  {
    Hdf5File file(folder.path("x.h5"));
    file.writer().table("/t", 1);
    file.writer().column("/t/x", Numbers{1}, "s");
  }
  EXPECT_EQ("before", testing::file_text(folder.path("x.h5")));
  EXPECT_EQ(1, std::distance(std::filesystem::directory_iterator(folder.path("")), {}));
}

TEST(Hdf5, AColumnOfFewWordsIsANumberACell) {
  Hdf5Writer writer;
  writer.table("/t", 3);
  writer.words("/t/w", {"gated", "plain", "gated"}, {"gated", "plain", "none"});
  EXPECT_THROW(writer.words("/t/v", {"other"}, {"gated"}), Error);
  const Written file(std::move(writer));
  EXPECT_THAT(std::get<Texts>(file->column("/t/w")), ElementsAre("gated", "plain", "gated"));
  EXPECT_THAT(std::get<Integers>(file->attribute("/t/w", "flag_values")), ElementsAre(0, 1, 2));
  EXPECT_EQ(Attribute("gated plain none"), file->attribute("/t/w", "flag_meanings"));
}

TEST(Hdf5, AHeapOfTextsThatDoesNotEndIsDamage) {
  for (const bool endless : {false, true}) {
    Hdf5Writer writer;
    writer.attribute("/", "text", std::string(100, 'x'));
    std::string whole = image_of(std::move(writer));
    const auto seal = whole.rfind(seal_opening);
    const auto heap = whole.find("GCOL\x01");
    ASSERT_NE(heap, std::string::npos);
    // Its first object: index, references, size.
    if (endless) whole.replace(heap + 16, 16, std::string(16, '\0'));
    const std::string contents = whole.substr(0, seal);
    const testing::TemporaryFolder folder;
    const std::string path = folder.write("x.h5", contents + seal_line(sha256_hex(contents)));
    if (endless)
      EXPECT_THROW(Hdf5Reader{path}, FileError);
    else
      EXPECT_EQ(Attribute(std::string(100, 'x')), Hdf5Reader(path).attribute("/", "text"));
  }
}

TEST(Hdf5, TheScaleOfATableIsNoColumn) {
  Hdf5Writer writer;
  writer.table("/t", 2);
  writer.column("/t/x", Numbers{1, 2}, "s");
  const Written file(std::move(writer));
  EXPECT_THAT(file->datasets("/t"), ElementsAre("x"));
  EXPECT_THAT(std::get<Integers>(file->column("/t/point")), ElementsAre(0, 1));
}

TEST(Hdf5, WhatIsNotThereIsAFileErrorThatNamesIt) {
  Hdf5Writer writer;
  writer.column("/x", Numbers{1}, "");
  writer.text("/t", "text");
  const Written file(std::move(writer));
  const auto message = [&](auto action) -> std::string {
    try {
      action();
    } catch (const FileError& e) {
      return e.what();
    }
    return "";
  };
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  EXPECT_THAT(message([&] { file->column("/y"); }), AllOf(HasSubstr("file.h5"), HasSubstr("/y")));
  EXPECT_THAT(message([&] { file->text("/x"); }), HasSubstr("/x"));
  EXPECT_THAT(message([&] { file->column("/t"); }), HasSubstr("/t"));
  EXPECT_THAT(message([&] { file->attribute("/x", "none"); }), HasSubstr("none"));
  EXPECT_THAT(message([&] { file->groups("/no"); }), HasSubstr("/no"));
}

TEST(Hdf5, FilesThatAreNone) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(Hdf5Reader(folder.path("absent.h5")), FileError);
  EXPECT_THROW(Hdf5Reader(folder.write("text.h5", "no HDF5 at all\n")), FileError);
  EXPECT_THROW(Hdf5Reader(folder.write("empty.h5", "")), FileError);
}

}  // namespace
}  // namespace rooflaw::format
