// Checkpoints: whole or refused, the last two kept, never taken for another study's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/io/checkpoint.hpp"
#include "rooflaw/io/sha256.hpp"
#include "unit/io/job_text.hpp"

namespace rooflaw::io {
namespace {

using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const StudyIdentity study{"0.1.0 (abc)", "[job]\nname = \"a\"\n", {{"device x", "11"}}};

std::vector<std::byte> state(const std::string& text) {
  const auto bytes = std::as_bytes(std::span<const char>(text));
  return {bytes.begin(), bytes.end()};
}

struct Case {
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
  const Case c;
  EXPECT_FALSE(has_checkpoint(c.result));
  EXPECT_FALSE(read_checkpoint(c.result, study).has_value());
  EXPECT_NO_THROW(remove_checkpoints(c.result));
}

TEST(Checkpoint, TheLastTwoAreKept) {
  const Case c;
  for (const char* text : {"one", "two", "three"}) c.write(text);
  const auto read = read_checkpoint(c.result, study);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(state("three"), read->state);
  EXPECT_EQ(c.last, read->file);
  EXPECT_EQ("", read->warning);
  EXPECT_EQ(2u, c.folder.files());
  std::filesystem::remove(c.last);  // killed between two renames
  EXPECT_EQ(state("two"), read_checkpoint(c.result, study)->state);
  EXPECT_TRUE(has_checkpoint(c.result));
  remove_checkpoints(c.result);
  EXPECT_EQ(0u, c.folder.files());
}

TEST(Checkpoint, EmptyAndLargeStates) {
  const Case c;
  for (const std::string& text : {std::string(), std::string(3'000'000, '\0')}) {
    c.write(text);
    EXPECT_EQ(state(text), read_checkpoint(c.result, study)->state);
  }
}

TEST(Checkpoint, EveryDamagedByteIsSeen) {
  const Case c;
  c.write("before");
  c.write("the state");
  const std::string whole = file_text(c.last);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i == whole.find(' ') + 1) continue;  // the format's version: see AnotherFormatIsRefused
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    c.folder.write("r.h5.checkpoint", damaged);
    const auto read = read_checkpoint(c.result, study);
    EXPECT_EQ(state("before"), read->state) << i;
    EXPECT_THAT(read->warning, HasSubstr(c.last));
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    c.folder.write("r.h5.checkpoint", whole.substr(0, size));
    EXPECT_EQ(c.previous, read_checkpoint(c.result, study)->file) << size;
  }
}

TEST(Checkpoint, NoneWholeIsAnError) {
  const Case c;
  c.write("one");
  c.write("two");
  c.folder.write("r.h5.checkpoint", "rooflaw-checkpoint 1 00\nx");
  c.folder.write("r.h5.checkpoint.previous", "");
  const auto message = message_of<FileError>([&] { read_checkpoint(c.result, study); });
  EXPECT_THAT(message, HasSubstr(c.last + ": is damaged"));
  EXPECT_THAT(message, HasSubstr(c.previous + ": is damaged"));
}

TEST(Checkpoint, ContentsThatNoProgramWroteAreDamage) {
  const Case c;
  for (const std::string body : {"", "garbage", "\xa0", "\x81\x01"}) {
    c.folder.write("r.h5.checkpoint", "rooflaw-checkpoint 1 " + sha256_hex(body) + "\n" + body);
    EXPECT_THAT(message_of<FileError>([&] { read_checkpoint(c.result, study); }),
                HasSubstr("is damaged"));
  }
}

TEST(Checkpoint, AnotherStudyIsRefusedEvenIfTheOneBeforeFits) {
  const Case c;
  c.write("mine");
  StudyIdentity other = study;
  other.inputs["device x"] = "22";
  c.write("another's", other);
  const auto message = message_of<CheckpointMismatch>([&] { read_checkpoint(c.result, study); });
  EXPECT_THAT(message, HasSubstr("input device x: has changed"));
  EXPECT_THAT(message, HasSubstr(c.last));
  try {
    read_checkpoint(c.result, study);
  } catch (const Error& e) {
    EXPECT_EQ(ExitCode::checkpoint_mismatch, e.exit_code());
  }
}

TEST(Checkpoint, AnotherFormatIsRefused) {
  const Case c;
  c.write("state");
  std::string text = file_text(c.last);
  text[text.find(' ') + 1] = '2';
  c.folder.write("r.h5.checkpoint", text);
  EXPECT_THAT(message_of<CheckpointMismatch>([&] { read_checkpoint(c.result, study); }),
              HasSubstr("format version 2"));
}

TEST(Differences, NameWhatDiffers) {
  EXPECT_THAT(differences(study, study), ElementsAre());
  StudyIdentity now = study;
  now.program = "0.2.0 (def)";
  now.job = "[job]\nname = \"b\"\n";
  now.inputs = {{"device y", "11"}};
  EXPECT_THAT(differences(study, now),
              ElementsAre("program: 0.1.0 (abc), this is 0.2.0 (def)",
                          "job, line 2: \"name = \"a\"\", now \"name = \"b\"\"",
                          "input device x: no longer used", "input device y: is new"));
  now = study;
  now.job += "# more\n";
  EXPECT_THAT(differences(study, now), ElementsAre("job, line 3: no such line, now \"# more\""));
}

TEST(Identity, IsOfTheJobAndItsTables) {
  const auto a = identity_of(testing::read_job_text(testing::job_text()));
  EXPECT_THAT(differences(a, identity_of(testing::read_job_text(testing::job_text()))),
              ElementsAre());
  const auto b = identity_of(testing::read_job_text(
      testing::job_text({{"targets.devices", "[\"jetson-orin-nano-super-8gb\"]"}})));
  EXPECT_EQ(3u, differences(a, b).size());  // the job's line, a device less, a device more
}

}  // namespace
}  // namespace rooflaw::io
