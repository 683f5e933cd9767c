"""Pictures of workflows for `workflow graph`: boxes laid out by Graphviz's dot, drawn as SVG, and from that as PNG.

Stages: `workflow_engine.compiler.reports.drawing` says what there is to see, `layout` where it stands, `svg` how it looks, `png`
makes pixels of it. Equal workflows give equal bytes: no font is measured, and positions are whole numbers.
"""
