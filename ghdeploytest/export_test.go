package ghdeploytest

// RouteTable returns the method and path template of each served operation.
func RouteTable() []string {
	var names []string
	for _, op := range operations() {
		names = append(names, op.name())
	}
	return names
}
