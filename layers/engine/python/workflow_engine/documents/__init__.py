"""Texts that clients write documents in, JSON and YAML 1.2, read strictly into the same JSON values: what two readers could take
for two different things is refused, with its line and column.

`json_text.parse_json` and `yaml_text.parse_yaml` read a text. Where a value stands in its text is asked of `places.Place`, which
`json_places` and `yaml_text.read_yaml` give. YAML is imported by who has some: a cold start does without.
"""
