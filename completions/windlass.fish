# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_windlass_global_optspecs
    string join \n cluster= provider= config= environment= o/output= q/quiet v/verbose no-input trace= rehearse rehearse-world= rehearse-speed= rehearse-faults= h/help V/version
end

function __fish_windlass_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_windlass_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_windlass_using_subcommand
    set -l cmd (__fish_windlass_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c windlass -n "__fish_windlass_needs_command" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_needs_command" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_needs_command" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_needs_command" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_needs_command" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_needs_command" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_needs_command" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_needs_command" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_needs_command" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_needs_command" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_needs_command" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_needs_command" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_needs_command" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_needs_command" -s V -l version -d 'Print version'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "setup" -d 'Create a cluster and raise the platform on it'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "destroy" -d 'Let a cluster and its platform down again, and print a receipt'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "status" -d 'Show the cluster, its components, and what is not well (exit code 4)'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "cluster" -d 'Create, delete, list or show clusters. They are found by their marks, not by files on this machine'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "kubeconfig" -d 'Write the cluster\'s kubeconfig and its variables in .env, and print its path'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "token" -d 'Print a credential for the cluster\'s API, as kubectl\'s exec plugins do'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "env" -d 'Print the variables of the cluster, for `eval "$(windlass env)"`'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "clean" -d 'Remove windlass\'s own files from this folder: the kubeconfig, its block in .env and the record of its runs'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "doctor" -d 'Check this machine: programs, the container engine, ports, network and proxy, disk and folders (exit code 4)'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "config" -d 'Write, show or describe the settings'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "support" -d 'Write a text file for a bug report: versions, checks, settings, runs, and how the cluster is'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "rehearse" -d 'Run the simulated world on its own'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c windlass -n "__fish_windlass_needs_command" -f -a "man" -d 'Print the manual page, or write one for each command'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l kubernetes-version -d 'The Kubernetes version, such as 1.36.1 [default: the provider\'s]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l min-nodes -l nodes -d 'At least so many nodes; on Kind, exactly so many [default: 1]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l max-nodes -d 'At most so many nodes' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l node-size -d 'How large a node is: small, medium or large' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l lifetime -d 'How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l http-port -d 'The port of this machine that leads to the ingress controller\'s http; 0: none [Kind; default: 80]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l https-port -d 'The port of this machine that leads to the ingress controller\'s https; 0: none [Kind; default: 443]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l image -d 'The node image [Kind; default: kind\'s own]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l engine -d 'The container engine: docker, podman or nerdctl [Kind; default: the first that answers]' -r -f -a "(__fish_complete_command)"
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l flux-manifest -d 'Flux\'s manifest, for networks without the internet' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l only -d 'Only these components, and what they need' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l without -d 'All components but these' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l jobs -d 'How many steps run side by side at most' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l timeout -d 'Stop after this long, such as 30m; the same command goes on' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l resume -d 'Go on with the plan of the unfinished run, whatever the flags say now'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l replan -d 'Leave the plan of the unfinished run, and make a new one'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l dry-run -d 'Print the plan and do nothing'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l jobs -d 'How many steps run side by side at most' -r
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l timeout -d 'Stop after this long, such as 30m; the same command goes on' -r
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -s y -l yes -d 'Do not ask'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l abandon -d 'Destroy although objects in the cluster hold cloud resources, which will go on existing and costing; each is named'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l dry-run -d 'Print the plan and do nothing'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand destroy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand status" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand status" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand status" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand status" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand status" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand status" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand status" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand status" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand status" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand status" -l watch -d 'Go on looking, and show it again when it changes; ends on Ctrl-C'
complete -c windlass -n "__fish_windlass_using_subcommand status" -l until-ready -d 'End the watch once all is ready'
complete -c windlass -n "__fish_windlass_using_subcommand status" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand status" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand status" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand status" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -f -a "create" -d 'Create a cluster, with its kubeconfig and nothing on it; `windlass setup` raises the platform on it later'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -f -a "delete" -d 'Delete a cluster that windlass made, with all that is on it, and print a receipt'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -f -a "list" -d 'List the clusters that windlass made'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and not __fish_seen_subcommand_from create delete list show" -f -a "show" -d 'Show what a cluster is made of'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l kubernetes-version -d 'The Kubernetes version, such as 1.36.1 [default: the provider\'s]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l min-nodes -l nodes -d 'At least so many nodes; on Kind, exactly so many [default: 1]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l max-nodes -d 'At most so many nodes' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l node-size -d 'How large a node is: small, medium or large' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l lifetime -d 'How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l http-port -d 'The port of this machine that leads to the ingress controller\'s http; 0: none [Kind; default: 80]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l https-port -d 'The port of this machine that leads to the ingress controller\'s https; 0: none [Kind; default: 443]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l image -d 'The node image [Kind; default: kind\'s own]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l engine -d 'The container engine: docker, podman or nerdctl [Kind; default: the first that answers]' -r -f -a "(__fish_complete_command)"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l jobs -d 'How many steps run side by side at most' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l timeout -d 'Stop after this long, such as 30m; the same command goes on' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l resume -d 'Go on with the plan of the unfinished run, whatever the flags say now'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l replan -d 'Leave the plan of the unfinished run, and make a new one'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l dry-run -d 'Print the plan and do nothing'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l jobs -d 'How many steps run side by side at most' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l timeout -d 'Stop after this long, such as 30m; the same command goes on' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l abandon -d 'Destroy although objects in the cluster hold cloud resources, which will go on existing and costing; each is named'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l dry-run -d 'Print the plan and do nothing'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l all -d 'Those of other makers too'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand cluster; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l destination -d 'Write it into this file and nothing else; what is in the file already stays. Destroy does not know of it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l service-account -d 'Write a kubeconfig for this service account instead, with a token that ends by itself; it is made where it is missing' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l namespace -d 'The one namespace that it may use, and lives in [default: the whole cluster, from windlass-system]' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l role -d 'What it may do: a Role of the namespace or a ClusterRole, such as view or edit' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l for -d 'How long the token lasts, from 10m to 24h; the cluster may grant less' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l merge -d 'Merge it into your own kubeconfig too: KUBECONFIG\'s first file, or ~/.kube/config'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l set-current -d 'Make the cluster the current context there'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l revoke -d 'Take all away that windlass gave to the service account: its tokens end at once'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand kubeconfig" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand token" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand token" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand token" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand token" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand token" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand token" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand token" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand token" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand token" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand token" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand token" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand token" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand token" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand env" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand env" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand env" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand env" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand env" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand env" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand env" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand env" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand env" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand env" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand env" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand env" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand env" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand env" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand clean" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand clean" -s y -l yes -d 'Do not ask'
complete -c windlass -n "__fish_windlass_using_subcommand clean" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand clean" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand clean" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand clean" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l kubernetes-version -d 'The Kubernetes version, such as 1.36.1 [default: the provider\'s]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l min-nodes -l nodes -d 'At least so many nodes; on Kind, exactly so many [default: 1]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l max-nodes -d 'At most so many nodes' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l node-size -d 'How large a node is: small, medium or large' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l lifetime -d 'How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l http-port -d 'The port of this machine that leads to the ingress controller\'s http; 0: none [Kind; default: 80]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l https-port -d 'The port of this machine that leads to the ingress controller\'s https; 0: none [Kind; default: 443]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l image -d 'The node image [Kind; default: kind\'s own]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l engine -d 'The container engine: docker, podman or nerdctl [Kind; default: the first that answers]' -r -f -a "(__fish_complete_command)"
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l flux-manifest -d 'Flux\'s manifest, for networks without the internet' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -f -a "init" -d 'Write a windlass.toml with every setting in it, commented out; one that is there is left alone'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -f -a "show" -d 'Show every setting with its value; secrets by the variable that holds them'
complete -c windlass -n "__fish_windlass_using_subcommand config; and not __fish_seen_subcommand_from init show schema" -f -a "schema" -d 'Print the JSON schema of windlass.toml, for editors'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l kubernetes-version -d 'The Kubernetes version, such as 1.36.1 [default: the provider\'s]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l min-nodes -l nodes -d 'At least so many nodes; on Kind, exactly so many [default: 1]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l max-nodes -d 'At most so many nodes' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l node-size -d 'How large a node is: small, medium or large' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l lifetime -d 'How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l http-port -d 'The port of this machine that leads to the ingress controller\'s http; 0: none [Kind; default: 80]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l https-port -d 'The port of this machine that leads to the ingress controller\'s https; 0: none [Kind; default: 443]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l image -d 'The node image [Kind; default: kind\'s own]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l engine -d 'The container engine: docker, podman or nerdctl [Kind; default: the first that answers]' -r -f -a "(__fish_complete_command)"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l origin -d 'Show where each value comes from, too'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand support" -l destination -d 'The file [default: windlass-support-CLUSTER.txt]; one that is there is left alone' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand support" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand support" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand support" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand support" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand support" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand support" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand support" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand support" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand support" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand support" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand support" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand support" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand support" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand support" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -f -a "serve" -d 'Serve the simulated world until interrupted, for other commands and for kubectl'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and not __fish_seen_subcommand_from serve program" -f -a "program" -d 'Stand in for another program: what a rehearsed provider runs in its place'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand rehearse; and __fish_seen_subcommand_from program" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand completions" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand completions" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand completions" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand completions" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c windlass -n "__fish_windlass_using_subcommand man" -l dir -d 'Write a page for each command into this folder, and print their paths' -r -f -a "(__fish_complete_directories)"
complete -c windlass -n "__fish_windlass_using_subcommand man" -l cluster -l name -d 'The cluster [default: dot, or the only one in windlass.toml]' -r
complete -c windlass -n "__fish_windlass_using_subcommand man" -l provider -d 'Where it runs' -r -f -a "kind\t''"
complete -c windlass -n "__fish_windlass_using_subcommand man" -l config -d 'The configuration file [default: windlass.toml, where there is one]' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand man" -l environment -d 'Which of the file\'s environments to lay over it' -r
complete -c windlass -n "__fish_windlass_using_subcommand man" -s o -l output -d 'How to print' -r -f -a "table\t'For people'
json\t'JSON; a run is one object a line, its report the last'
yaml\t'YAML'"
complete -c windlass -n "__fish_windlass_using_subcommand man" -l trace -d 'Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand man" -l rehearse-world -d 'The folder of the simulated world, or the URL of one that is served [default: in your state directory]' -r
complete -c windlass -n "__fish_windlass_using_subcommand man" -l rehearse-speed -d 'How many simulated seconds go by in one, or max' -r
complete -c windlass -n "__fish_windlass_using_subcommand man" -l rehearse-faults -d 'How the simulated world misbehaves: a file, as the README describes it' -r -F
complete -c windlass -n "__fish_windlass_using_subcommand man" -s q -l quiet -d 'Print results and errors only'
complete -c windlass -n "__fish_windlass_using_subcommand man" -s v -l verbose -d 'Print more; twice: even more'
complete -c windlass -n "__fish_windlass_using_subcommand man" -l no-input -d 'Never ask; fail where an answer is needed'
complete -c windlass -n "__fish_windlass_using_subcommand man" -l rehearse -d 'Rehearse: the same code against a simulated world; nothing real is touched'
complete -c windlass -n "__fish_windlass_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
