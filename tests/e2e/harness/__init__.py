"""The deployed system without AWS: the CDK app, synthesized as it is shipped, in MiniStack with IAM enforced.

- `synthesis`  runs the CDK app and reads what it wrote: templates, assets, the order of the stacks
- `launcher`   the child process: MiniStack with the seams below
- `seams`      where MiniStack differs from AWS in what the product relies on; one function each, with its reason
- `states`     the Step Functions service of that process: the embedded engine, under MiniStack's IAM
- `roles`      what a role may do, asked where MiniStack itself does not ask
- `emulator`   starting and stopping the process
- `deployment` bootstrap, assets, stacks, and the client that may call the API
- `plugin`     a pytest plugin that does all of this once, before the tests

Nothing of the product is changed for it: whatever MiniStack lacks is mended or left out here.
"""
