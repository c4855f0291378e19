
set edit:completion:arg-completer[windlass] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) WINDLASS_COMPLETE="elvish" windlass -- $@words) | to-lines
}

