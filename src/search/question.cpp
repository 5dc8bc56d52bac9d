#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

Question of_law(const Question& question, std::size_t law) {
  Question one = question;
  one.laws = {question.laws[law]};
  std::erase_if(one.targets, [law](const Target& target) { return target.law != law; });
  for (auto& target : one.targets) target.law = 0;
  return one;
}

std::optional<Question> question_in_range(const Question& question, std::size_t law) {
  const model::LawRange& range = question.laws[law].range;
  if (question.space.within || range == model::LawRange{}) return std::nullopt;
  Question in_range = of_law(question, law);
  in_range.space.within = range;
  if (count_within(in_range.space) == 0) return std::nullopt;
  return in_range;
}

}  // namespace rooflaw::search
