// One output, one run: who holds a claim, and when it counts no more.

#include "rooflaw/format/claim.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <thread>

#include <filesystem>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/error.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::format {
namespace {

using testing::file_text;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class ClaimTest : public ::testing::Test {
 protected:
  ~ClaimTest() override { end(); }

  Claim claim() { return Claim("result.h5", path_, "rooflaw search job.toml"); }
  std::string refusal() {
    try {
      const Claim claim("result.h5", path_, "another");
    } catch (const FileError& e) {
      EXPECT_EQ(ExitCode::file_error, e.exit_code());
      return e.what();
    }
    return "it was not refused";
  }
  bool is_there() const { return std::filesystem::exists(path_); }

  /// A process that takes the claim and keeps it until it is killed.
  void hold_elsewhere() {
    int ready[2];
    ASSERT_EQ(0, ::pipe(ready));
    child_ = ::fork();
    if (child_ == 0) {
      try {
        const Claim taken("result.h5", path_, "rooflaw search elsewhere.toml");
        [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
        for (;;) ::pause();
      } catch (...) {
      }
      ::_exit(1);
    }
    ::close(ready[1]);
    char told = 0;
    ASSERT_EQ(1, ::read(ready[0], &told, 1));
    ::close(ready[0]);
  }
  void kill() { ::kill(child_, SIGKILL); }
  void end() {
    if (child_ <= 0) return;
    kill();
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

  /// In place, so that locks stay.
  void edit(const std::function<void(nlohmann::json&)>& change) {
    auto json = nlohmann::json::parse(file_text(path_));
    change(json);
    const std::string text = json.dump();
    ASSERT_EQ(0, ::truncate(path_.c_str(), 0));
    std::ofstream(path_, std::ios::binary | std::ios::in) << text;
  }
  static void move_to_another_host(nlohmann::json& json) {
    json["host"] = "elsewhere";
    json["machine"] = "m";
    json["boot"] = "b";
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.path("result.h5.claim");
  pid_t child_ = 0;
};

TEST_F(ClaimTest, OneHoldsItTheOtherIsTold) {
  {
    const Claim first = claim();
    EXPECT_EQ("", first.taken_over());
    const std::string told = refusal();
    EXPECT_THAT(told, HasSubstr("result.h5: "));
    EXPECT_THAT(told, HasSubstr("process " + std::to_string(::getpid())));
    EXPECT_THAT(told, HasSubstr("rooflaw search job.toml"));
    EXPECT_THAT(told, HasSubstr("remove " + path_));
    EXPECT_THROW(require_unclaimed("result.h5", path_), FileError);
    EXPECT_TRUE(is_there());
  }
  EXPECT_FALSE(is_there());
  EXPECT_NO_THROW(require_unclaimed("result.h5", path_));
  EXPECT_NO_THROW(claim());
  EXPECT_EQ(0u, folder_.files());
}

TEST_F(ClaimTest, IsTakenOverFromTheDead) {
  hold_elsewhere();
  EXPECT_THAT(refusal(), HasSubstr("elsewhere.toml"));
  kill();
  ::siginfo_t ended;
  ::waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOWAIT);  // nobody has fetched it
  EXPECT_NO_THROW(require_unclaimed("result.h5", path_));
  EXPECT_TRUE(is_there());  // looking takes nothing
  const Claim mine = claim();
  EXPECT_THAT(mine.taken_over(), HasSubstr("process " + std::to_string(child_)));
  EXPECT_EQ(1u, folder_.files());
}

TEST_F(ClaimTest, ANumberThatAnotherProcessHasByNowSaysNothing) {
  // Start times are told apart by hundredths of a second.
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  hold_elsewhere();
  end();
  edit([](auto& json) { json["process"] = ::getpid(); });
  EXPECT_NO_THROW(claim());
}

TEST_F(ClaimTest, InAnotherNamespaceTheLockSaysWhoLives) {
  hold_elsewhere();
  edit([](auto& json) {
    json["pid_namespace"] = "pid:[1]";
    json["process"] = 1;
    json["host"] = "container";
  });
  EXPECT_THAT(refusal(), HasSubstr("process 1 on container"));
  end();
  EXPECT_NO_THROW(claim());
}

TEST_F(ClaimTest, WhereThereAreNoLocksAnotherNamespaceCannotBeSeen) {
  hold_elsewhere();
  end();
  edit([](auto& json) {
    json["pid_namespace"] = "pid:[1]";
    json["locked"] = false;
  });
  EXPECT_THAT(refusal(), HasSubstr("cannot be told"));
}

TEST_F(ClaimTest, OfAnotherHostHolds) {
  hold_elsewhere();
  end();
  edit(move_to_another_host);
  EXPECT_THAT(refusal(), HasSubstr("on elsewhere"));
  EXPECT_TRUE(is_there());
}

TEST_F(ClaimTest, EndsWithItsMachine) {
  hold_elsewhere();
  end();
  edit([](auto& json) { json["boot"] = "before"; });
  // Without an id nothing tells that it was this machine that started again.
  if (file_text("/etc/machine-id").empty()) {
    EXPECT_NE("", refusal());
  } else {
    EXPECT_NO_THROW(claim());
  }
}

TEST_F(ClaimTest, WhatIsNoClaimHoldsAndStays) {
  for (const std::string text : {"", "{}", "[[[[", "x", "{\"host\": 3}"}) {
    folder_.write("result.h5.claim", text);
    EXPECT_THAT(refusal(), HasSubstr("remove " + path_)) << text;
    EXPECT_EQ(text, file_text(path_));
  }
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/dev/zero", path_);
  EXPECT_THROW(claim(), FileError);
}

/// What Slurm says of a job, by a squeue of ours.
class SlurmClaimTest : public ClaimTest {
 protected:
  SlurmClaimTest() {
    hold_elsewhere();
    end();
    edit([](auto& json) {
      move_to_another_host(json);
      json["slurm_job"] = "42";
      json["slurm_cluster"] = "c";
    });
    ::setenv("SLURM_CLUSTER_NAME", "c", 1);
    ::setenv("PATH", (folder_.path(".") + ":" + path_before_).c_str(), 1);
  }
  ~SlurmClaimTest() override {
    for (const char* name : {"SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_RESTART_COUNT"})
      ::unsetenv(name);
    ::setenv("PATH", path_before_.c_str(), 1);
  }
  void slurm_says(const std::string& text) {
    const auto script =
        folder_.write("squeue", "#!/bin/sh\n[ \"$5\" = 42 ] || exit 9\necho '" + text + "'\n");
    ::chmod(script.c_str(), 0755);
  }
  std::string path_before_ = std::getenv("PATH");
};

TEST_F(SlurmClaimTest, HoldsWhileItsJobDoes) {
  for (const std::string state : {"RUNNING", "PENDING", "SUSPENDED", "COMPLETING", "",
                                  "slurm_load_jobs error: Unable to contact slurm controller"}) {
    slurm_says(state);
    EXPECT_THAT(refusal(), HasSubstr("Slurm job 42")) << state;
  }
}

TEST_F(SlurmClaimTest, EndsWithItsJob) {
  const std::string text = file_text(path_);
  for (const std::string state : {"COMPLETED", "CANCELLED", "TIMEOUT", "NODE_FAIL",
                                  "slurm_load_jobs error: Invalid job id specified"}) {
    folder_.write("result.h5.claim", text);
    slurm_says(state);
    EXPECT_NO_THROW(claim()) << state;
  }
}

TEST_F(SlurmClaimTest, OfAnotherClusterHolds) {
  slurm_says("COMPLETED");
  ::setenv("SLURM_CLUSTER_NAME", "another", 1);
  EXPECT_THAT(refusal(), HasSubstr("Slurm job 42"));
}

TEST_F(SlurmClaimTest, IsTakenOverByTheSameJobStartedAnew) {
  slurm_says("RUNNING");
  ::setenv("SLURM_JOB_ID", "42", 1);
  EXPECT_THAT(refusal(), HasSubstr("Slurm job 42"));
  ::setenv("SLURM_RESTART_COUNT", "1", 1);
  EXPECT_NO_THROW(claim());
}

TEST_F(ClaimTest, ThatWasRemovedByHandIsMadeAgain) {
  Claim mine = claim();
  std::filesystem::remove(path_);
  mine.confirm();
  EXPECT_TRUE(is_there());
  EXPECT_THAT(refusal(), HasSubstr("another run"));
  mine.confirm();
  std::filesystem::remove(path_);
  hold_elsewhere();
  EXPECT_THROW(mine.confirm(), FileError);
  mine.release();
  EXPECT_TRUE(is_there()) << "it is the other's";
}

TEST_F(ClaimTest, ManyWantItOneTakesIt) {
  for (int round = 0; round < 20; ++round) {
    hold_elsewhere();
    end();
    int go[2];
    ASSERT_EQ(0, ::pipe(go));
    std::vector<pid_t> all;
    for (int i = 0; i < 8; ++i) {
      all.push_back(::fork());
      if (all.back() != 0) continue;
      ::close(go[1]);
      char end_of_file = 0;
      [[maybe_unused]] const auto none = ::read(go[0], &end_of_file, 1);
      try {
        const Claim taken("result.h5", path_, "one of many");
        ::usleep(300'000);  // the others have come and gone
        ::_exit(0);
      } catch (const FileError&) {
        ::_exit(3);
      }
    }
    ::close(go[0]);
    ::close(go[1]);
    int winners = 0;
    for (const pid_t pid : all) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    EXPECT_EQ(1, winners) << "round " << round;
    EXPECT_THAT(refusal(), HasSubstr("not refused")) << "the dead winner's claim is stale";
  }
}

TEST(ClaimPath, IsBesideTheFileThatIsWritten) {
  const TemporaryFolder folder;
  folder.write("real.h5", "x");
  std::filesystem::create_symlink("real.h5", folder.path("link.h5"));
  EXPECT_EQ(folder.path("real.h5.claim"), claim_path(folder.path("real.h5")));
  EXPECT_TRUE(claim_path(folder.path("link.h5")).ends_with("/real.h5.claim"));
}

}  // namespace
}  // namespace rooflaw::format
