package ghdeploytest

// RouteTable lists the operations that are served, each as its method and path template.
func RouteTable() []string {
	var names []string
	for _, op := range operations() {
		names = append(names, op.name())
	}
	return names
}
