"""JSONata for references, conditions, templates and sources.

**No generated expression raises or is undefined, for any data**: `Choice`, `Pass` and `Wait` states can catch nothing,
and Step Functions fails a state whose expression is undefined. Only the text that a client writes as `{"expression":
...}` may raise; where the run is to go on then, the state that has it stands in a `Parallel`, which can catch that.

**Expressions stay shallow**: AWS stops at an evaluation depth of about 100, so there are no operator chains over a
number of things that a client decides, and data is followed down to `MAX_LIST_NESTING` lists only.

`fragments` is the tree and `helpers` the functions that it may call; `references` reads paths, `conditions` makes booleans,
`sources` has templates and the rest.
"""
