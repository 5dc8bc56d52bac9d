// The seal of a file: any other byte, anywhere, and the file is refused.

#include <filesystem>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/seal.hpp"
#include "rooflaw/format/sha256.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::format {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// An HDF5 file as far as the seal looks at it: signature, version, where it ends.
std::string contents_of(const std::string& data) {
  std::string text("\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0", 16);
  text.resize(40, '\0');
  std::uint64_t end = 48 + data.size();
  for (int i = 0; i < 8; ++i, end >>= 8) text += static_cast<char>(end & 0xff);
  return text + data;
}

std::string sealed(const std::string& data) {
  const std::string contents = contents_of(data);
  return contents + seal_line(sha256_hex(contents));
}

/// What opening a file of these bytes says against it; empty if nothing.
std::string complaint(const std::string& bytes) {
  static const TemporaryFolder folder;  // thousands of files, one at a time
  const std::string path = folder.write("result.h5", bytes);
  try {
    read_sealed(path);
  } catch (const FileError& e) {
    EXPECT_THAT(e.what(), HasSubstr(path));
    return e.what();
  }
  return "";
}

/// More than the block that is read at a time.
std::string long_contents() {
  std::mt19937 random(1);
  std::string contents(3'000'001, '\0');
  for (char& c : contents) c = static_cast<char>(random());
  return contents;
}

TEST(Sha256, KnownVectors) {  // FIPS 180-2
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sha256_hex(""));
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256_hex("abc"));
  EXPECT_EQ("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
  EXPECT_EQ("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            sha256_hex(std::string(1'000'000, 'a')));
}

TEST(Sha256, InPieces) {
  // The example of FIPS 180-2, B.2.
  const std::string text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  for (std::size_t cut = 0; cut <= text.size(); cut += 7) {
    Sha256 hash;
    hash.add(std::as_bytes(std::span(text).first(cut)));
    hash.add(std::as_bytes(std::span(text).subspan(cut)));
    EXPECT_EQ("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", hash.hex());
  }
}

TEST(Seal, IsALineOfText) {
  EXPECT_EQ(
      "rooflaw-result sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n",
      seal_line(sha256_hex("abc")));
}

TEST(Seal, WhatWasSealedIsAccepted) {
  for (const std::string& data : {std::string(), std::string("abc"), long_contents()})
    EXPECT_EQ("", complaint(sealed(data))) << data.size();
}

TEST(Seal, AnyBitOfASmallFile) {
  const std::string whole = sealed("contents");
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE("", complaint(damaged)) << "bit " << bit;
  }
}

TEST(Seal, SomeBitOfALargeFile) {
  const std::string whole = sealed(long_contents());
  for (const std::size_t at : {std::size_t{100}, std::size_t{1} << 20, whole.size() - 10}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_THAT(complaint(damaged), HasSubstr("is damaged")) << at;
  }
}

TEST(Seal, AFileThatLostItsEndIsCutShort) {
  const std::string whole = sealed("contents");
  const std::size_t contents = contents_of("contents").size();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string said = complaint(whole.substr(0, size));
    EXPECT_NE("", said) << size;
    if (size < 48) continue;  // not even the header
    EXPECT_THAT(said, HasSubstr(size < contents ? "is cut short" : "changed since")) << size;
  }
}

TEST(Seal, AFileThatAnotherProgramChangedIsToldAndReadIfThatMayBe) {
  EXPECT_THAT(complaint(sealed("contents") + '\0'), HasSubstr("changed since rooflaw wrote it"));
  EXPECT_THAT(complaint(contents_of("contents")), HasSubstr("changed since rooflaw wrote it"));
  const TemporaryFolder folder;
  const std::string path = folder.write("x.h5", contents_of("contents"));
  EXPECT_EQ(contents_of("contents").size(), read_sealed(path, Seal::may_be_gone).size());
  // Damage is no change.
  std::string damaged = sealed("contents");
  damaged[50] = 'X';
  EXPECT_THROW(read_sealed(folder.write("y.h5", damaged), Seal::may_be_gone), FileError);
}

TEST(Seal, IsSeen) {
  const TemporaryFolder folder;
  EXPECT_TRUE(has_seal(folder.write("a.h5", sealed("contents"))));
  EXPECT_TRUE(has_seal(folder.write("b.h5", "rooflaw-result sha256 of the first format")));
  for (const std::string& other :
       {std::string(), std::string("x"), contents_of("contents"), std::string(1000, '\n')})
    EXPECT_FALSE(has_seal(folder.write("c.h5", other)));
}

TEST(Seal, AFileThatDoesNotEndWhereItSays) {
  std::string longer = contents_of("contents") + std::string(100, 'x');
  EXPECT_THAT(complaint(longer + seal_line(sha256_hex(longer))), HasSubstr("does not end where"));
  const TemporaryFolder folder;
  const std::string path = folder.write("x.h5", longer);
  EXPECT_EQ(contents_of("contents").size(), read_sealed(path, Seal::may_be_gone).size());
  const std::string none = folder.write("y.h5", "\x89HDF\r\n\x1a\n" + std::string(100, 'x'));
  EXPECT_THROW(read_sealed(none, Seal::may_be_gone), FileError);
}

TEST(Seal, WhatHasNone) {
  EXPECT_THAT(complaint(""), HasSubstr("is no result of rooflaw"));
  EXPECT_THAT(complaint("rooflaw-result sha256 abc"), HasSubstr("1.x"));
  const TemporaryFolder folder;
  EXPECT_THROW(read_sealed(folder.path("none.h5")), FileError);
  EXPECT_THROW(read_sealed(folder.path("")), FileError);
  EXPECT_THROW(read_sealed("/dev/null"), FileError);
}

}  // namespace
}  // namespace rooflaw::format
