"""Any DAG as a tree of sequences and parallels, with little or no order added.

State machines nest: a `Parallel` ends when its slowest branch ends, and what follows waits for all of it. A DAG whose
order is *series-parallel* (no four vertices form the letter N) is such a tree exactly. Any other needs some order added,
and which order decides how long the run takes. This package knows nothing of state machines; vertices are integers.

The way from graph to tree:

1. `order`: the graph's partial order as bitsets (one int per vertex holds all its ancestors, another all its descendants).
2. `search`: modular decomposition. The connected components of the comparability graph run in parallel, those of its
   complement one after the other (Valdes, Tarjan and Lawler, "The recognition of series parallel digraphs", 1982). What is
   connected in both is *prime*: it is cut into a first and a second half, and each half is decomposed in turn.
3. `cuts`: the candidate cuts of a prime module, each with a lower bound of the run time that it leads to. The search
   solves both halves of the best few and keeps the best. In the end the tree must beat one with a barrier a level.
4. `lanes`: durations as numbers. An unknown duration is not one number but a sample of them, the same on every call, and so is
   one of which several values are known; a tree is good if its *mean* run time is short. Integers hold all samples side by
   side, so one addition adds them all.

That durations must steer the choice is known: without them the run time of any such transformation can be off by a factor
that grows with the graph (Salamon, arXiv:0904.4512; Gonzalez-Escribano et al., "Mapping unstructured applications into
nested parallelism", 2002).
"""

from workflow_engine.compiler.structure.lanes import Duration, drawn, mean
from workflow_engine.compiler.structure.nesting import limit_nesting, nesting_depth
from workflow_engine.compiler.structure.order import partial_order
from workflow_engine.compiler.structure.search import Decomposition, decompose
from workflow_engine.compiler.structure.tree import (
    Leaf,
    Parallel,
    Sequence,
    Tree,
    chain,
    critical_path,
    fold,
    level_barriers,
    span,
)

__all__ = [
    "Decomposition",
    "Duration",
    "Leaf",
    "Parallel",
    "Sequence",
    "Tree",
    "chain",
    "critical_path",
    "decompose",
    "drawn",
    "fold",
    "level_barriers",
    "limit_nesting",
    "mean",
    "nesting_depth",
    "partial_order",
    "span",
]
