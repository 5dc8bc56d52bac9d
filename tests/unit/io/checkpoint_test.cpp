// Checkpoints: whole or refused, the last two kept, never taken for another study's.

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/format/sha256.hpp"
#include "rooflaw/io/checkpoint.hpp"
#include "unit/io/job_text.hpp"

namespace rooflaw::io {
namespace {

using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const StudyIdentity study{"0.1.0 (abc)", {{"job.name", "\"a\""}}, {{"device x", "11"}}};

std::optional<Checkpoint> read(const std::string& result) {
  return read_checkpoint(result, study, [](const std::vector<std::byte>&) {});
}

std::vector<std::byte> state(const std::string& text) {
  const auto bytes = std::as_bytes(std::span<const char>(text));
  return {bytes.begin(), bytes.end()};
}

struct Written {
  TemporaryFolder folder;
  std::string result = folder.path("r.h5");
  std::string last = result + ".checkpoint";
  std::string previous = result + ".checkpoint.previous";
  void write(const std::string& text, const StudyIdentity& identity = study) const {
    write_checkpoint(result, identity, state(text));
  }
};

/// What the call says when it throws E.
template <class E, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(Checkpoint, NoneIsNone) {
  const Written c;
  EXPECT_FALSE(has_checkpoint(c.result));
  EXPECT_FALSE(read(c.result).has_value());
  EXPECT_NO_THROW(remove_checkpoints(c.result));
}

TEST(Checkpoint, TheLastTwoAreKept) {
  const Written c;
  for (const char* text : {"one", "two", "three"}) c.write(text);
  const auto found = read(c.result);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(state("three"), found->state);
  EXPECT_EQ(c.last, found->file);
  EXPECT_EQ("", found->warning);
  EXPECT_EQ(2u, c.folder.files());
  std::filesystem::remove(c.last);  // killed between two renames
  EXPECT_EQ(state("two"), read(c.result)->state);
  EXPECT_TRUE(has_checkpoint(c.result));
  remove_checkpoints(c.result);
  EXPECT_EQ(0u, c.folder.files());
}

TEST(Checkpoint, EmptyAndLargeStates) {
  const Written c;
  for (const std::string& text : {std::string(), std::string(3'000'000, '\0')}) {
    c.write(text);
    EXPECT_EQ(state(text), read(c.result)->state);
  }
}

TEST(Checkpoint, EveryDamagedByteIsSeen) {
  const Written c;
  c.write("before");
  c.write("the state");
  const std::string whole = file_text(c.last);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i == whole.find(' ') + 1) continue;  // the format's version: see AnotherFormatIsRefused
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    c.folder.write("r.h5.checkpoint", damaged);
    const auto found = read(c.result);
    EXPECT_EQ(state("before"), found->state) << i;
    EXPECT_THAT(found->warning, HasSubstr(c.last));
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    c.folder.write("r.h5.checkpoint", whole.substr(0, size));
    EXPECT_EQ(c.previous, read(c.result)->file) << size;
  }
}

TEST(Checkpoint, NoneWholeIsAnError) {
  const Written c;
  c.write("one");
  c.write("two");
  c.folder.write("r.h5.checkpoint", "rooflaw-checkpoint 2 00 1\nx");
  c.folder.write("r.h5.checkpoint.previous", "");
  const auto message = message_of<FileError>([&] { read(c.result); });
  EXPECT_THAT(message, HasSubstr(c.last + ": is damaged"));
  EXPECT_THAT(message, HasSubstr(c.previous + ": is damaged"));
}

TEST(Checkpoint, ContentsThatNoProgramWroteAreDamage) {
  const Written c;
  std::string maps;
  for (int i = 0; i < 1'000'000; ++i) maps += "\xa1\x61\x61";
  for (const std::string& body :
       {std::string(), std::string("garbage"), std::string("\xa0"), std::string("\x81\x01"),
        std::string(3'000'000, '\x81'), std::string(1'000'000, '\x9f'), maps}) {
    c.folder.write("r.h5.checkpoint", "rooflaw-checkpoint 2 " + format::sha256_hex(body) + " " +
                                          std::to_string(body.size()) + "\n" + body);
    EXPECT_THAT(message_of<FileError>([&] { read(c.result); }), HasSubstr("is damaged"));
  }
}

TEST(Checkpoint, NoStateOfThisStudyIsAMismatch) {
  const Written c;
  const auto refuse = [](const std::vector<std::byte>&) { throw Error("it is bad"); };
  c.write("one");
  c.write("two");
  const auto message =
      message_of<CheckpointMismatch>([&] { read_checkpoint(c.result, study, refuse); });
  EXPECT_THAT(message, HasSubstr(c.last + ": is damaged: it is bad"));
  EXPECT_THAT(message, HasSubstr(c.previous + ": is damaged: it is bad"));
  EXPECT_THAT(message, HasSubstr("without --resume"));
}

TEST(Checkpoint, AStateThatCannotBeReadIsDamage) {
  const Written c;
  c.write("good");
  c.write("bad");
  const auto found = read_checkpoint(c.result, study, [](const std::vector<std::byte>& bytes) {
    if (bytes == state("bad")) throw Error("it is bad");
  });
  EXPECT_EQ(state("good"), found->state);
  EXPECT_THAT(found->warning, HasSubstr("it is bad"));
}

TEST(Checkpoint, OnlyRegularFilesAreRead) {
  const Written c;
  ASSERT_EQ(0, ::mkfifo(c.last.c_str(), 0600));
  EXPECT_THAT(message_of<FileError>([&] { read(c.result); }), HasSubstr("is no regular file"));
  std::filesystem::remove(c.last);
  std::filesystem::create_symlink("/dev/zero", c.last);
  EXPECT_THAT(message_of<FileError>([&] { read(c.result); }), HasSubstr("is no regular file"));
}

TEST(Checkpoint, AnotherStudyIsRefusedEvenIfTheOneBeforeFits) {
  const Written c;
  c.write("mine");
  StudyIdentity other = study;
  other.inputs["device x"] = "22";
  c.write("another's", other);
  const auto message = message_of<CheckpointMismatch>([&] { read(c.result); });
  EXPECT_THAT(message, HasSubstr("input device x: has changed"));
  EXPECT_THAT(message, HasSubstr(c.last));
  try {
    read(c.result);
  } catch (const Error& e) {
    EXPECT_EQ(ExitCode::checkpoint_mismatch, e.exit_code());
  }
}

TEST(Checkpoint, AnotherFormatIsRefused) {
  const Written c;
  c.write("state");
  std::string text = file_text(c.last);
  text[text.find(' ') + 1] = '3';
  c.folder.write("r.h5.checkpoint", text);
  EXPECT_THAT(message_of<CheckpointMismatch>([&] { read(c.result); }),
              HasSubstr("format version 3"));
}

TEST(Differences, NameWhatDiffers) {
  EXPECT_THAT(differences(study, study), ElementsAre());
  StudyIdentity now = study;
  now.program = "0.2.0 (def)";
  now.job = {{"job.name", "\"b\""}, {"job.seed", "2"}};
  now.inputs = {{"device y", "11"}};
  EXPECT_THAT(differences(study, now),
              ElementsAre("program: 0.1.0 (abc), this is 0.2.0 (def)",
                          "job: job.name = \"a\", now \"b\"", "job: job.seed = not set, now 2",
                          "input device x: no longer used", "input device y: is new"));
}

TEST(Identity, IsOfTheJobAndItsTables) {
  const auto a = identity_of(testing::read_job_text(testing::job_text()));
  EXPECT_THAT(differences(a, identity_of(testing::read_job_text(testing::job_text()))),
              ElementsAre());
  const auto b = identity_of(testing::read_job_text(
      testing::job_text({{"targets.devices", "[\"jetson-orin-nano-super-8gb\"]"}})));
  EXPECT_EQ(3u, differences(a, b).size());  // the job's list, a device less, a device more
}

}  // namespace
}  // namespace rooflaw::io
