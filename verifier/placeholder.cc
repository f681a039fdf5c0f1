// Placeholder until the first source of this folder stands.
