package licensing

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// SortParameter is the parameter that orders a list: columns with commas between them,
// a hyphen before one turns it round. The others are those of FilterParameters.
const SortParameter = "sort"

// Filter says which licenses a list shows, and in what order. The zero value shows all
// of them, oldest first.
type Filter struct {
	parameters map[string]string
	conditions []func(*Summary) bool
	order      []sortKey
}

type sortKey struct {
	Column
	down bool
}

// FilterParameter is one way to narrow a list: a flag of the command, and with
// underscores a parameter of the API.
type FilterParameter struct {
	Name  string
	Kind  ColumnKind
	About string // what it lets through
}

// FilterParameters lists them, in the order of the columns.
func FilterParameters() []FilterParameter {
	var all []FilterParameter
	for _, c := range Columns() {
		switch {
		case c.Filter == "":
		case c.Name == "state":
			all = append(all, FilterParameter{c.Filter, c.Kind, "only those in this state; several with commas between them"})
		case c.Kind == TextColumn:
			all = append(all, FilterParameter{c.Filter, c.Kind, "only those whose " + c.About + " holds this text"})
		case c.Kind == WordsColumn:
			all = append(all, FilterParameter{c.Filter, c.Kind, "only those with this " + c.About + "; with all of several"})
		case c.Kind == NumberColumn:
			all = append(all, FilterParameter{c.Filter, c.Kind, "only those with so many or a range (1..4, 5.., ..9): " + c.About})
		case c.Kind == FlagColumn:
			all = append(all, FilterParameter{c.Filter, c.Kind, "only those " + c.About + " (=no: only the others)"})
		default:
			all = append(all, FilterParameter{c.Filter + "-after", c.Kind, "only those " + c.About + " after this day"},
				FilterParameter{c.Filter + "-before", c.Kind, "only those " + c.About + " before this day"})
		}
	}
	return all
}

// ParseFilter reads parameters; an empty value does not filter. What cannot be read,
// and an unknown name, is CodeInvalid.
func ParseFilter(parameters map[string]string) (Filter, error) {
	f := Filter{parameters: map[string]string{}}
	for _, given := range slices.Sorted(maps.Keys(parameters)) {
		name, value := strings.ReplaceAll(given, "_", "-"), strings.TrimSpace(parameters[given])
		if value == "" {
			continue
		}
		f.parameters[name] = value
		if name == SortParameter {
			order, err := parseOrder(value)
			if err != nil {
				return Filter{}, err
			}
			f.order = order
			continue
		}
		condition, err := parseCondition(name, value)
		if err != nil {
			return Filter{}, err
		}
		f.conditions = append(f.conditions, condition)
	}
	return f, nil
}

// Parameters is what the filter was read from.
func (f Filter) Parameters() map[string]string { return maps.Clone(f.parameters) }

// Admits reports whether the list shows s.
func (f Filter) Admits(s *Summary) bool {
	for _, admits := range f.conditions {
		if !admits(s) {
			return false
		}
	}
	return true
}

// Sort puts a list in order. Those that have no value in a column come last, whichever
// way it is turned; equals stay as they were.
func (f Filter) Sort(list []Summary) {
	slices.SortStableFunc(list, func(a, b Summary) int {
		for _, key := range f.order {
			x, y := key.cell(&a), key.cell(&b)
			switch {
			case x.Known && !y.Known:
				return -1
			case !x.Known && y.Known:
				return 1
			}
			if c := x.compare(y); c != 0 {
				if key.down {
					return -c
				}
				return c
			}
		}
		return 0
	})
}

func parseOrder(list string) (order []sortKey, err error) {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		plain := strings.TrimPrefix(name, "-")
		column, err := ColumnsNamed([]string{plain})
		if err != nil {
			return nil, err
		}
		order = append(order, sortKey{column[0], plain != name})
	}
	return order, nil
}

func parseCondition(name, value string) (func(*Summary) bool, error) {
	for _, c := range Columns() {
		switch {
		case c.Filter == "":
		case c.Name == "state" && name == c.Filter:
			return stateCondition(value)
		case c.Kind == DayColumn || c.Kind == TimeColumn:
			if end, ok := strings.CutPrefix(name, c.Filter+"-"); ok && (end == "after" || end == "before") {
				return dayCondition(c, end == "after", value)
			}
		case name == c.Filter:
			return condition(c, value)
		}
	}
	names := make([]string, 0, 40)
	for _, p := range FilterParameters() {
		names = append(names, p.Name)
	}
	return nil, Errorf(CodeInvalid, "licenses cannot be filtered by %.40q", name).WithHint("filter by %s", strings.Join(names, ", "))
}

func condition(c Column, value string) (func(*Summary) bool, error) {
	switch c.Kind {
	case NumberColumn:
		return numberCondition(c, value)
	case FlagColumn:
		return flagCondition(c, value)
	case WordsColumn:
		wanted := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		return func(s *Summary) bool {
			have := c.cell(s).Words
			return !slices.ContainsFunc(wanted, func(w string) bool {
				return !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) })
			})
		}, nil
	case TextColumn, DayColumn, TimeColumn:
	}
	wanted := strings.ToLower(value)
	return func(s *Summary) bool { return strings.Contains(strings.ToLower(c.cell(s).String(c.Kind)), wanted) }, nil
}

func stateCondition(value string) (func(*Summary) bool, error) {
	var wanted []State
	for name := range strings.SplitSeq(value, ",") {
		state, err := ParseState(name)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, state)
	}
	return func(s *Summary) bool { return slices.Contains(wanted, s.State) }, nil
}

func dayCondition(c Column, after bool, value string) (func(*Summary) bool, error) {
	limit, err := ParseDate(value)
	if err != nil {
		return nil, err
	}
	return func(s *Summary) bool {
		cell := c.cell(s)
		if after {
			return cell.Known && cell.Day.After(limit)
		}
		return cell.Known && cell.Day.Before(limit)
	}, nil
}

func numberCondition(c Column, value string) (func(*Summary) bool, error) {
	low, high, ranged := strings.Cut(value, "..")
	if !ranged {
		high = low
	}
	bounds := [2]*int{}
	for i, end := range []string{low, high} {
		if end == "" && ranged && value != ".." {
			continue
		}
		n, err := strconv.Atoi(end)
		if err != nil || n < 0 {
			return nil, Errorf(CodeInvalid, "%.40q is not a number from 0 up, nor a range of them", value).
				WithHint("write 3, 1..4, 5.. or ..9")
		}
		bounds[i] = &n
	}
	return func(s *Summary) bool {
		cell := c.cell(s)
		return cell.Known && (bounds[0] == nil || cell.Number >= *bounds[0]) && (bounds[1] == nil || cell.Number <= *bounds[1])
	}, nil
}

func flagCondition(c Column, value string) (func(*Summary) bool, error) {
	switch strings.ToLower(value) {
	case "yes", "true", "1":
		return func(s *Summary) bool { return c.cell(s).Number == 1 }, nil
	case "no", "false", "0":
		return func(s *Summary) bool { return c.cell(s).Number == 0 }, nil
	}
	return nil, Errorf(CodeInvalid, "%.40q is neither yes nor no", value).WithHint("write --%s or --%s=no", c.Filter, c.Filter)
}
