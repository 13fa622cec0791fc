# Completion of intentctl for bash: commands, options, values, files.
# shellcheck shell=bash
#
# What there is to complete comes from intentctl's own tables; `make` puts it
# in at the line `generated`.  The functions of it set `options` and `operand`
# of a command, and `values`, `kind` and `list` of an option's value.
#
# generated: tables

# What names a file, among the words that stand for values in the usage.
_intentctl_is_file() {
	case $1 in
	FILE | PATH | DIRECTORY | FOLDER) ;;
	*) return 1 ;;
	esac
}

# The words of $1 that begin with $2, behind $3, as bash wants them: without
# what lies before the last = or :, where those end a word.
_intentctl_offer() {
	local word cut='' character

	for character in = :; do
		if [[ $COMP_WORDBREAKS == *"$character"* &&
			$3$2 == *"$character"* ]]; then
			word=${3}${2}
			word=${word%"${word##*"$character"}"}
			[ ${#word} -le ${#cut} ] || cut=$word
		fi
	done
	for word in $1; do
		if [[ $word == "$2"* ]]; then
			word=$3$word
			COMPREPLY+=("${word#"$cut"}")
		fi
	done
}

_intentctl_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# The value $2 of option $1, behind $3.
_intentctl_complete_value() {
	local values='' kind='' list=''

	case $1 in
	--config | --store) kind=FILE ;;
	*) _intentctl_value "$1" || return ;;
	esac
	if _intentctl_is_file "$kind"; then
		_intentctl_files "$2"
	elif [[ $list && $2 == *,* ]]; then
		_intentctl_offer "$values" "${2##*,}" "$3${2%,*},"
	else
		_intentctl_offer "$values" "$2" "$3"
	fi
}

# The next word of every command that begins with the words $1, if any.
_intentctl_next_words() {
	local row rest

	while read -r row; do
		if [[ -z $1 || $row == "$1 "* ]]; then
			rest=${row#"${1:+$1 }"}
			echo "${rest%% *}"
		fi
	done < <(_intentctl_commands) | sort -u | tr '\n' ' '
}

# Takes the words before the last one apart: `command` gets those that name
# one, `operands` how many stand behind them, `given` the options, `waiting`
# the option whose value is to come.
_intentctl_read() {
	local word values kind list

	for word; do
		if [ -n "$waiting" ]; then
			waiting=
			continue
		fi
		case $word in
		--*=*)
			given+=" ${word%%=*} "
			;;
		--*)
			given+=" $word "
			if [[ $word == --config || $word == --store ]] ||
				_intentctl_value "$word"; then
				waiting=$word
			fi
			;;
		help)
			[ -n "$command" ] || asks=yes
			;;
		*)
			if [ -n "$(_intentctl_next_words "$command")" ]; then
				command+=${command:+ }$word
			else
				operands=$((operands + 1))
			fi
			;;
		esac
	done
}

_intentctl() {
	local line=${COMP_LINE:0:COMP_POINT} current=''
	local command='' given='' waiting='' asks='' operands=0
	local options='' operand='' next word
	local -a words

	COMPREPLY=()
	read -r -a words <<<"$line"
	if [[ $line != *[[:space:]] ]]; then
		current=${words[-1]}
		unset 'words[-1]'
	fi
	_intentctl_read "${words[@]:1}"
	if [ -n "$waiting" ]; then
		_intentctl_complete_value "$waiting" "$current" ''
		return
	fi
	_intentctl_command "$command"
	case $current in
	--*=*)
		_intentctl_complete_value "${current%%=*}" "${current#*=}" \
			"${current%%=*}="
		;;
	-*)
		for word in $options --config --store --json --help --version
		do
			if [[ $given != *" $word "* ]]; then
				_intentctl_offer "$word" "$current" ''
			fi
		done
		;;
	*)
		next=$(_intentctl_next_words "$command")
		[ -n "$command$asks" ] || next+=' help'
		if [ -n "$next" ]; then
			_intentctl_offer "$next" "$current" ''
		elif [ "$operands" -eq 0 ] && _intentctl_is_file "$operand"
		then
			_intentctl_files "$current"
		fi
		;;
	esac
}

complete -F _intentctl intentctl
