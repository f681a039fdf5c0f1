// auditledger-rogue: the dishonest administrator of tests and the demo. Never installed.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "tools/exit_codes.h"
#include "tools/rogue.h"

namespace {

using auditledger::Rogue;

struct Target {
  std::string data_dir;
  std::string key_file;
  uint64_t index = 0;
};

absl::Status Act(const std::string& command, const Target& target) {
  auto rogue = Rogue::Open(target.data_dir);
  if (!rogue.ok()) return rogue.status();
  if (command == "edit") return (*rogue)->Edit(target.index);
  if (command == "edit-consistent") return (*rogue)->EditConsistently(target.index);
  if (command == "drop") return (*rogue)->Drop(target.index);
  if (command == "forget") return (*rogue)->Forget(target.index);
  const auto note = (*rogue)->Forge(target.key_file);
  if (note.ok()) std::cout << *note;
  return note.status();
}

CLI::App& AddCommand(CLI::App& app, const char* name, const char* about, Target& target) {
  CLI::App& command = *app.add_subcommand(name, about);
  command.add_option("data_dir", target.data_dir, "the stopped ledger's own folder, data/<id>")
      ->required();
  return command;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Falsifies the files of a stopped ledger, as an administrator with root could, to show that "
      "it is\n"
      "noticed. For tests and the demo; it is in no package.\n\n"
      "Example:\n"
      "  auditledger-rogue edit-consistent copy/data/clinic 12\n"
      "  auditledger-rogue fork copy/data/clinic copy/keys/clinic/log.key > forged-checkpoint"};
  app.require_subcommand(1);
  Target target;
  AddCommand(app, "edit", "change a stored leaf and nothing else", target)
      .add_option("index", target.index)
      ->required();
  AddCommand(app, "edit-consistent", "change a leaf and make tiles, root and head fit it", target)
      .add_option("index", target.index)
      ->required();
  AddCommand(app, "drop", "remove an entry, move up those behind it, make the tree fit", target)
      .add_option("index", target.index)
      ->required();
  AddCommand(app, "forget", "make exactly-once forget an event, so that it can be doubled", target)
      .add_option("index", target.index)
      ->required();
  AddCommand(app, "fork", "sign the store's present head with the stolen log key", target)
      .add_option("key_file", target.key_file, "keys/<id>/log.key")
      ->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? auditledger::kExitOk : auditledger::kExitUsage;
  }
  const absl::Status status = Act(app.get_subcommands().front()->get_name(), target);
  if (status.ok()) return auditledger::kExitOk;
  std::cerr << "auditledger-rogue: " << status.message() << "\n";
  return auditledger::kExitRefused;
}
