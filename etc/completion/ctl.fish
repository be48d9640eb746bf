# fish completion for ctl. Everything that can come is asked of ctl itself.

function __ctl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l answer (command $words[1] __complete -- $words[2..-1] $word 2>/dev/null)
    switch "$answer[1]"
        case files folders
            set -l before (string match -r -- '^--[^=]*=' $word; or echo)
            set -l path (string replace -r -- '^--[^=]*=' '' $word)
            set -l found
            if test $answer[1] = folders
                set found (__fish_complete_directories $path '')
            else
                set found (__fish_complete_path $path '')
            end
            for line in $found
                echo $before$line
            end
        case words partial
            printf '%s\n' $answer[2..-1]
    end
end

complete -c ctl -f -a '(__ctl_complete)'
