complete --keep-order --exclusive --command windlass --arguments "(WINDLASS_COMPLETE=fish windlass -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
